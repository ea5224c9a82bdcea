() => {
  // The address of the page names what is shown, so that it can be copied, and leads back after a reload.
  const { tabs, parameters } = NAMES;
  const remembered = {}; // tab -> the query that it had last

  function tabOf(query) {
    const given = new URLSearchParams(query);
    const asked = Object.keys(parameters).find((name) => given.get(name));
    const wanted = given.get("tab") || parameters[asked];
    return tabs.includes(wanted) ? wanted : tabs[0];
  }

  function goTo(query) {
    const now = new URL(window.location.href);
    now.search = query;
    window.history.replaceState(window.history.state, "", now);
  }

  // The tab of the address is opened here and now: asking the server would take a second or more.
  const opened = tabOf(window.location.search);
  const first = document.querySelector(`#tabs > .tab-wrapper [role="tab"][data-tab-id="${opened}"]`);
  if (first && opened !== tabs[0]) first.click();

  // What a tab shows: `dslAddress("play", "problem", "ID")`. The address follows if that tab is the open one,
  // and otherwise once it is opened.
  window.dslAddress = (tab, name, value) => {
    remembered[tab] = `?${new URLSearchParams({ [name]: value })}`;
    if (tabOf(window.location.search) === tab) goTo(remembered[tab]);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest('#tabs > .tab-wrapper [role="tab"]');
    const name = button && button.dataset.tabId;
    const before = tabOf(window.location.search);
    if (!name || name === before) return;
    remembered[before] = window.location.search;
    goTo(remembered[name] || `?${new URLSearchParams({ tab: name })}`);
  });

  // Within a frame of another site the clipboard is closed: there, the older way. Where that fails as well, the
  // text stays selected for the keys.
  function copiedByHand(text) {
    const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
    field.style.cssText = "position: fixed; inset: 0 auto auto 0; opacity: 0;";
    document.body.append(field);
    field.addEventListener("blur", () => field.remove());
    field.select();
    return document.execCommand("copy");
  }

  // Copies a text; the button tells for a moment what came of it.
  window.dslCopy = async (text, button) => {
    button.dataset.words ||= button.textContent;
    let copied = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copied = copiedByHand(text);
      if (copied) button.focus();
    }
    button.textContent = copied ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = button.dataset.words; }, 2000);
  };

  // Buttons that copy a link to what they name, such as data-copy="?problem=ID".
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".dsl [data-copy]");
    if (button) window.dslCopy(new URL(button.dataset.copy, window.location.href).href, button);
  });
}
