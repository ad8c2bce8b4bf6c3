// Narrows the list of tags while one types, and keeps the reason when another is chosen.
export function start() {
  const input = document.getElementById("tag-q");
  const list = document.getElementById("tags");
  if (input && list) filter(input, list);

  const reason = document.getElementById("reason");
  if (!reason) return;
  const key = "countersign.reason";
  if (reason.value === "") reason.value = sessionStorage.getItem(key) ?? "";
  reason.addEventListener("input", () => sessionStorage.setItem(key, reason.value));
  reason.form.addEventListener("submit", () => sessionStorage.removeItem(key));
}

function filter(input, list) {
  const rows = [...list.children].map((row) => [row, row.textContent.toLowerCase()]);
  const count = document.getElementById("tag-n");
  document.getElementById("tag-filter").hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown += 1;
    }
    count.textContent = words.length === 0 ? "" : `${shown} of ${rows.length} tags`;
  });
}
