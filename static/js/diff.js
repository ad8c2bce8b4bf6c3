// Keys for reading a diff: j and k go to the next and the previous file.
export function start() {
  const files = [...document.querySelectorAll("details.file")];
  if (files.length === 0) return;
  for (const hint of document.querySelectorAll(".keys")) hint.hidden = false;

  const go = (step) => {
    const top = document.querySelector(".diff-head")?.getBoundingClientRect().bottom ?? 0;
    const here = files.findLastIndex((file) => file.getBoundingClientRect().top <= top + 24);
    const next = files[Math.min(files.length - 1, Math.max(0, here + step))];
    next.scrollIntoView();
    next.querySelector("summary").focus({ preventScroll: true });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) return;
    if (event.key === "j") go(1);
    if (event.key === "k") go(-1);
  });

  openTarget();
  addEventListener("hashchange", openTarget);
}

// A link to a line or a file opens what it leads into.
function openTarget() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  const file = target && target.closest("details.file");
  if (!file || file.open) return;
  file.open = true;
  target.scrollIntoView();
}
