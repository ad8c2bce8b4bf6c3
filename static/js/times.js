// Where nothing hovers, a tap on a time shows the exact one.
for (const hint of document.querySelectorAll(".on-touch")) hint.hidden = false;

document.addEventListener("click", (event) => {
  const time = event.target.closest("time[title]");
  if (!time || time.closest("a, button, summary")) return;
  const shown = time.textContent;
  time.textContent = time.title;
  time.title = shown;
});
