// Search within the lines of the log, the switch for times, and one host alone.
export function searchable(groups) {
  const input = document.getElementById("lq");
  const count = document.getElementById("lq-n");
  input.hidden = false;
  document.querySelector('label[for="lq"]').hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    let found = 0;
    for (const item of groups.querySelectorAll("ol.lines > li")) {
      const hit = wanted !== "" && item.textContent.toLowerCase().includes(wanted);
      item.classList.toggle("hit", hit);
      if (hit) found += 1;
      if (hit) item.closest("details").open = true;
    }
    count.textContent = wanted === "" ? "" : `${found} ${found === 1 ? "line" : "lines"}${unseen()}`;
    groups.querySelector("li.hit")?.scrollIntoView({ block: "center" });
  });

  // Only lines that are here were searched: a count says so when there are others.
  const unseen = () => {
    const earlier = document.getElementById("earlier");
    return earlier.hidden ? "" : " of those shown; search the raw log for the rest";
  };

  const times = document.getElementById("times");
  times.hidden = false;
  times.addEventListener("click", () => {
    const off = document.getElementById("log").classList.toggle("no-times");
    times.setAttribute("aria-pressed", String(!off));
  });

  const all = document.getElementById("all-hosts");
  const only = (host) => {
    for (const group of groups.children) group.hidden = host !== "" && group.dataset.of !== host;
    all.hidden = host === "";
  };
  all.addEventListener("click", () => only(""));
  document.querySelector("main").addEventListener("click", (event) => {
    const tile = event.target.closest("a.host");
    if (tile) only(tile.dataset.host);
  });
}

// The address of a line opens the group that it is in; a line that is not here is
// in the raw log.
export function permalinks(say) {
  const go = () => {
    if (!/^#L\d+$/.test(location.hash)) return;
    const line = document.getElementById(location.hash.slice(1));
    if (!line) return say(`Line ${location.hash.slice(2)} is not among those shown; the raw log has it.`);
    line.closest("details").open = true;
    line.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", go);
  go();
}
