(...given) => {
  // The address names the tab, so that it can be copied, and nothing else: what a tab shows sets its own.
  const button = document.querySelector('button[role="tab"][aria-selected="true"]');
  const name = button && button.getAttribute("data-tab-id");
  const now = new URL(window.location.href);
  if (name && now.searchParams.get("tab") !== name) {
    now.search = "";
    now.searchParams.set("tab", name);
    window.history.replaceState(null, "", now);
  }
  return given;
};
