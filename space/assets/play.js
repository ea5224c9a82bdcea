// What Play does in the browser: its address, its questions, its end, and that nothing is pressed twice.
// The element is the head of the game; its attributes say which problem it is and how far the game has come.
const place = element.closest("#play-page") || document.getElementById("play-page");
const state = () => (element.querySelector("[data-problem]") || {}).dataset || {};
const button = (id) => document.getElementById(id);

// The address follows the problem.
function follow() {
  const { problem } = state();
  if (problem && window.dslAddress) window.dslAddress("play", "problem", problem);
}

function ask(about) {
  place.classList.toggle("ask-submit", about === "submit");
  place.classList.toggle("ask-again", about === "again");
  const yes = { submit: "play-sure", again: "play-again" }[about];
  if (yes) button(yes).focus();
}

// What the server is asked for. The sign that something runs is set before Gradio hears of the click: two that come at
// once must not both be moves.
const ASKS = "#play-run, #play-sure, #play-again, #play-hint, #play-inspect, #play-docs, #play-new, #play-surprise, .step";

function pressed(event) {
  const target = event.target.closest("button, a");
  if (!target) return;
  if (place.classList.contains("busy") && target.matches("button")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  if (target.matches(ASKS)) place.classList.add("busy");
  if (target.id === "play-submit") ask("submit");
  else if (target.id === "play-restart") {
    const { moves, over } = state();
    if (over || moves === "0") button("play-again").click();
    else ask("again");
  } else if (target.dataset.press) button(target.dataset.press).click();
  else if (target.closest("#play-ask-submit, #play-ask-again")) ask("");
}

// The end is shown where one looks, once it is there.
function showEnd() {
  document.querySelectorAll("#play-card [data-link]").forEach((field) => {
    field.value = new URL(field.dataset.link, window.location.href).href;
  });
  const card = document.getElementById("play-ended");
  if (card && !place.classList.contains("ended")) card.scrollIntoView({ block: "nearest", behavior: "smooth" });
  place.classList.toggle("ended", Boolean(card));
}

place.addEventListener("click", pressed, true);
place.addEventListener("keydown", (event) => { if (event.key === "Escape") ask(""); });
watch("value", () => {
  ask("");
  follow();
  setTimeout(showEnd, 100); // the card is another component, and may come a little later
});
follow();
