// Menus and panels are plain <details>. This adds what people expect of them:
// Escape and a click elsewhere close, and focus goes back to where it came from.
const open = () => document.querySelectorAll("details.menu[open], details.confirm[open]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const details of open()) {
    details.open = false;
    details.querySelector("summary").focus();
  }
});

document.addEventListener("click", (event) => {
  for (const details of open()) {
    if (!details.contains(event.target)) details.open = false;
  }
});
