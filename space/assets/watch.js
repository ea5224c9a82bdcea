// The form of the tab Watch. The key leaves it only with the event that begins an episode.
const form = element.querySelector("form"), fields = element.querySelector(".model-fields");
const go = element.querySelector(".go"), halt = element.querySelector(".halt");
const address = element.querySelector(".for-endpoint"), pace = element.querySelector(".pace");
const field = (name) => form.elements.namedItem(name);
let follow = false; // whether the newest turn is brought into view; ends as soon as the visitor scrolls

const MODELS = ["hosted", "endpoint"];
function show() {
  const player = field("player").value;
  fields.hidden = !MODELS.includes(player);
  address.hidden = player !== "endpoint";
  pace.hidden = !fields.hidden;
}

// What stands there until the first frame comes, of the last episode or of none, is pale for so long.
function stale(yes) {
  const before = document.querySelector("#watch-turns .watched"), nobody = document.querySelector("#watch-turns .empty");
  if (before) before.classList.toggle("stale", yes);
  if (nobody && yes) nobody.dataset.before ||= nobody.innerHTML;
  if (nobody && yes) nobody.textContent = "Starting ...";
  else if (nobody && nobody.dataset.before) nobody.innerHTML = nobody.dataset.before;
}

function running(yes) {
  go.hidden = yes;
  halt.hidden = !yes;
  halt.disabled = false;
  halt.textContent = "Stop";
  for (const control of form.querySelectorAll("input, select")) control.disabled = yes;
  if (!yes) show();
}

form.addEventListener("change", show);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (go.hidden) return;
  const given = { pace: Number(field("pace").value) };
  for (const name of ["player", "address", "model", "key"]) given[name] = field(name).value;
  if (!MODELS.includes(given.player)) given.key = "";
  follow = true;
  running(true);
  stale(true);
  props.value = { running: true, turns: 0 }; // where the event fails, the value that comes is another one
  trigger("start", given);
});
halt.addEventListener("click", () => {
  halt.disabled = true;
  halt.textContent = "Stopping ...";
  trigger("stop", {});
});
for (const kind of ["wheel", "touchmove", "keydown"]) {
  window.addEventListener(kind, () => { follow = false; }, { passive: true });
}

// `value` is {running, turns}: what the episode has come to.
watch("value", () => {
  const value = props.value || {};
  running(Boolean(value.running));
  if (!value.running) stale(false);
  if (!follow) return;
  window.setTimeout(() => {
    const cards = document.querySelectorAll("#watch-turns .card, #watch-turns .onward");
    if (cards.length) cards[cards.length - 1].scrollIntoView({ block: "nearest" });
  }, 60);
});
show();
