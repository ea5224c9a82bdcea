// The examples name the address of this page, and are copied with it.
const address = window.location.origin + window.location.pathname.replace(/\/+$/, "");
element.querySelectorAll(".address").forEach((place) => { place.textContent = address; });

const selected = (text) => {
  const range = document.createRange();
  range.selectNodeContents(text);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
};

element.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const text = button.closest(".example").querySelector("pre");
  let copied = false;
  try {
    await navigator.clipboard.writeText(text.textContent + "\n");
    copied = true;
  } catch (refused) { // in a frame of another site: the text is selected, and the older way is tried
    selected(text);
    copied = document.execCommand("copy");
  }
  button.textContent = copied ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
});
