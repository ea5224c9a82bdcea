"use strict";
// Without this script the page shows all turns below one another. With it, one step at a time.
(() => {
  const steps = [...document.querySelectorAll("[data-step]")];
  const marks = [...document.querySelectorAll(".rail a")];
  const [bar, slider, where, all, back, on] = ["bar", "slider", "where", "all", "back", "on"].map((id) =>
    document.getElementById(id),
  );
  let place = 0;
  let whole = false;

  const show = () => {
    document.body.classList.toggle("stepping", !whole);
    steps.forEach((step, i) => step.classList.toggle("here", i === place));
    marks.forEach((mark, i) => {
      if (i === place) mark.setAttribute("aria-current", "step");
      else mark.removeAttribute("aria-current");
    });
    const mark = marks[place];
    const rail = mark.closest("ol");
    rail.scrollLeft = mark.offsetLeft - rail.clientWidth / 2;
    slider.value = String(place + 1);
    slider.setAttribute("aria-valuetext", steps[place].dataset.step);
    where.textContent = steps[place].dataset.step;
    back.disabled = place === 0;
    on.disabled = place === steps.length - 1;
    all.setAttribute("aria-pressed", String(whole));
    all.textContent = whole ? "One at a time" : "Show all";
  };

  const go = (to, isNew = true) => {
    place = Math.max(0, Math.min(steps.length - 1, to));
    show();
    if (whole) steps[place].scrollIntoView({ block: "start" });
    if (isNew) history.replaceState(null, "", "#" + steps[place].id);
  };

  const named = () => steps.findIndex((step) => "#" + step.id === location.hash);

  marks.forEach((mark, i) =>
    mark.addEventListener("click", (event) => {
      event.preventDefault();
      go(i);
    }),
  );
  slider.max = String(steps.length);
  slider.addEventListener("input", () => go(Number(slider.value) - 1));
  back.addEventListener("click", () => go(place - 1));
  on.addEventListener("click", () => go(place + 1));
  all.addEventListener("click", () => {
    whole = !whole;
    go(place);
  });
  const keys = {
    ArrowLeft: () => place - 1,
    ArrowRight: () => place + 1,
    k: () => place - 1,
    j: () => place + 1,
    Home: () => 0,
    End: () => steps.length - 1,
  };
  document.addEventListener("keydown", (event) => {
    const inUse = event.target.closest("input, pre, summary");
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys) || inUse) return;
    event.preventDefault();
    go(keys[event.key]());
  });
  window.addEventListener("hashchange", () => named() >= 0 && go(named(), false));
  bar.hidden = false;
  document.body.classList.add("scripted");
  go(Math.max(0, named()), false);
  // On a phone the problem would push the episode off the screen.
  if (matchMedia("(max-width: 60rem)").matches)
    document.querySelectorAll(".problem > details").forEach((part) => part.removeAttribute("open"));
})();
