// Steps through episodes: one, or several beside one another. Nothing is asked of the server for a step.
// A column that has fewer steps than the others stays at its last one.
const PAUSE = 1500; // milliseconds from step to step while it plays
const find = (query) => element.querySelector(query);
const button = (name) => find(`[data-do="${name}"]`);
const inSight = () => element.getClientRects().length > 0;

let root = null; // what is stepped through; null while there is nothing
let columns = []; // the steps of each column
let marks = []; // the steps as links, if there are
let count = 0;
let place = 0; // from 0
let whole = false;
let timer = null;

function show() {
  root.classList.toggle("stepping", !whole);
  for (const steps of columns) {
    const here = Math.min(place, steps.length - 1);
    steps.forEach((step, i) => step.classList.toggle("here", i === here));
  }
  marks.forEach((mark, i) => {
    if (i === place) mark.setAttribute("aria-current", "step");
    else mark.removeAttribute("aria-current");
  });
  if (marks[place]) {
    const rail = marks[place].closest("ol");
    rail.scrollLeft = marks[place].offsetLeft - rail.clientWidth / 2;
  }
  const longest = columns.find((steps) => steps.length === count);
  const name = longest[place].dataset.step;
  const slider = find("input[type=range]");
  slider.value = String(place + 1);
  slider.setAttribute("aria-valuetext", name);
  find("output").textContent = `Step ${place + 1} of ${count}`;
  button("back").disabled = place === 0;
  button("on").disabled = place === count - 1;
  button("all").setAttribute("aria-pressed", String(whole));
  button("all").textContent = whole ? "One at a time" : "Show all";
  button("play").textContent = timer ? "Pause" : "Play";
  button("play").setAttribute("aria-pressed", String(timer !== null));
}

// The address names the episode and the step, as long as this tab is the open one.
function address() {
  const { tab, name, value } = root.dataset;
  const step = String(place + 1);
  const copy = find("[data-copy]");
  if (copy) copy.dataset.copy = `?${new URLSearchParams({ [name]: value, step })}`;
  if (window.dslAddress) window.dslAddress(tab, name, value);
  const now = new URL(window.location.href);
  if (now.searchParams.get(name) !== value) return;
  now.searchParams.set("step", step);
  window.history.replaceState(window.history.state, "", now);
}

// The step that has come begins below the bar, however far down one had read in the last one. Columns that
// are stacked, as on a phone, stay where they are.
function intoView() {
  const tops = [...root.querySelectorAll("[data-column]")].map((column) => column.getBoundingClientRect().top);
  const isAbove = tops[0] < find(".controls").getBoundingClientRect().bottom - 1;
  const first = columns[0];
  if (whole) first[Math.min(place, first.length - 1)].scrollIntoView({ block: "start" });
  else if (isAbove && tops.every((top) => top === tops[0])) find("[data-column]").scrollIntoView({ block: "start" });
}

function go(to) {
  place = Math.max(0, Math.min(count - 1, to));
  show();
  intoView();
  address();
}

function stop() {
  clearInterval(timer);
  timer = null;
}

function play() {
  if (timer) {
    stop();
    show();
    return;
  }
  whole = false;
  timer = setInterval(() => {
    if (!inSight() || !root) stop();
    else if (place < count - 1) go(place + 1);
    if (place >= count - 1) stop();
    if (root) show();
  }, PAUSE);
  go(place === count - 1 ? 0 : place);
}

function step(to) {
  stop();
  go(to);
}

const acts = {
  back: () => step(place - 1),
  on: () => step(place + 1),
  play,
  all: () => {
    whole = !whole;
    step(place);
  },
  download: async (asked) => {
    asked.disabled = true;
    const found = await server.page_of({ key: root.dataset.value });
    asked.disabled = false;
    if (!found || !found.text) {
      asked.textContent = "It cannot be downloaded";
      return;
    }
    const file = document.createElement("a");
    file.href = URL.createObjectURL(new Blob([found.text], { type: "text/html" }));
    file.download = found.name;
    file.click();
    setTimeout(() => URL.revokeObjectURL(file.href), 10000);
  },
};

const keys = {
  ArrowLeft: () => place - 1,
  ArrowRight: () => place + 1,
  Home: () => 0,
  End: () => count - 1,
};

// A new episode has come, or none.
function begin() {
  stop();
  root = find(".stepped");
  if (!root) return;
  columns = [...root.querySelectorAll("[data-column]")].map((column) => [
    ...column.querySelectorAll("[data-step]"),
  ]);
  marks = [...root.querySelectorAll(".rail a")];
  count = Math.max(...columns.map((steps) => steps.length));
  whole = false;
  place = Math.max(0, Math.min(count - 1, Number(root.dataset.start) - 1));
  // On a phone the problem would push the episode off the screen.
  const narrow = matchMedia("(max-width: 60rem)").matches;
  for (const part of root.querySelectorAll(".beside .problem > details"))
    part.open = !narrow && part.hasAttribute("open");
  show();
  address();
  if (root.dataset.arrives && inSight()) root.scrollIntoView({ block: "start" });
}

element.addEventListener("click", (event) => {
  if (!root) return;
  const mark = event.target.closest(".rail a");
  const asked = event.target.closest("[data-do]");
  if (mark) {
    event.preventDefault();
    step(marks.indexOf(mark));
  } else if (asked && acts[asked.dataset.do]) acts[asked.dataset.do](asked);
});
element.addEventListener("input", (event) => {
  if (root && event.target.type === "range") step(Number(event.target.value) - 1);
});

function pressed(event) {
  if (!element.isConnected) document.removeEventListener("keydown", pressed);
  const inUse = event.target.closest(
    "input:not([type=checkbox]), textarea, select, pre, [contenteditable], [role=tab], [role=listbox]",
  );
  const meant = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey && !event.defaultPrevented;
  if (!root || !inSight() || inUse || !meant || !(event.key in keys)) return;
  event.preventDefault();
  step(keys[event.key]());
}
document.addEventListener("keydown", pressed);
watch("value", begin);
begin();
