// The examples name the address of this page, and are copied with it.
const address = window.location.origin + window.location.pathname.replace(/\/+$/, "");
element.querySelectorAll(".address").forEach((place) => { place.textContent = address; });

element.addEventListener("click", (event) => {
  const button = event.target.closest("button.copy");
  if (button) window.dslCopy(`${button.closest(".example").querySelector("pre").textContent}\n`, button);
});
