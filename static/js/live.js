// Follows a deployment. The page is complete without this; it adds what happens
// after it was loaded, from the journal, and asks the server for the rest at the end.
import { Terminal } from "./ansi.js";
import { Follow } from "./follow.js";
import { permalinks, searchable } from "./search.js";

const LINES = 5000;
const WORDS = { waiting: "s-waiting", running: "s-running", succeeded: "check", done: "check", warned: "bang", failed: "s-failed", cancelled: "s-cancelled", skipped: "s-cancelled", unknown: "s-interrupted", info: "info", queued: "s-queued", interrupted: "s-interrupted" };
const PHASES = { balancer: "load balancer", predeploy: "predeploy.sh", local_test: "local tests", deploy: "deploy.sh", test: "tests" };

const main = document.querySelector("main");
const groups = document.getElementById("groups");
const icons = document.querySelector(".brand use").getAttribute("href").split("#")[0];
const terminals = new Map();
const steps = new Map();
const ran = new Map();
let last = Number(main.dataset.seq);
let lines = groups.querySelectorAll("li").length;
let queue = [];
let follow;

export function start() {
  searchable(groups);
  permalinks(strip);
  copyable();
  if (["queued", "running"].includes(main.dataset.state)) {
    follow = new Follow(document.getElementById("follow"), groups);
    listen();
    setInterval(tick, 1000);
    for (const link of document.querySelectorAll("[data-reload]")) link.hidden = true;
  }
}

function listen() {
  const source = new EventSource(`${main.dataset.events}?after=${last}`);
  let lost = false;
  source.addEventListener("open", () => {
    if (lost) strip(`Resumed at line ${last}.`);
    lost = false;
  });
  source.addEventListener("error", () => {
    lost = true;
    strip("Reconnecting… The deployment goes on.");
  });
  source.addEventListener("journal", (message) => {
    if (!lost) strip("");
    const events = JSON.parse(message.data);
    queue.push(...(Array.isArray(events) ? events : [events]));
    schedule();
  });
  source.addEventListener("progress", (message) => progress(JSON.parse(message.data)));
  source.addEventListener("end", () => {
    source.close();
    drain();
    strip("");
    settle();
  });
}

// Events come faster than a page is painted: they are written together.
let scheduled = false;
function schedule() {
  if (scheduled) return;
  scheduled = true;
  const later = document.hidden ? (work) => setTimeout(work, 500) : requestAnimationFrame;
  later(drain);
}

function drain() {
  scheduled = false;
  const events = queue;
  queue = [];
  for (const event of events) {
    if (event.seq <= last) continue;
    last = event.seq;
    take(event);
  }
  while (lines > LINES) dropOldest();
  follow?.added();
}

function take(event) {
  switch (event.event) {
    case "step_started": return stepStarted(event);
    case "output": return line(group(`s${event.step}`, event), event, event.stream === "stderr" ? "failed" : "");
    case "step_ended": return stepEnded(event);
    case "host": return host(event);
    case "compared": return remark(event, `${event.host} has ${event.files} files; ${event.added} will be added and ${event.deleted} deleted.`);
    case "service": return remark(event, `${memberWords(event.member)} ${event.in_service ? "is back in service" : "leaves service"}.`);
    case "waiting": refreshSoon(); return remark(event, `Waits for somebody to let ${event.stage} begin, ${Math.floor(event.for_s / 60)} minutes at most.`);
    case "continued": refreshSoon(); return remark(event, `${event.by} lets it go on.`);
    case "note": return line(remarks(event), event, { warning: "warn", error: "failed" }[event.level] ?? "");
    case "state":
      if (event.state === "running") refreshSoon();
      return remark(event, event.why ? `${event.state}: ${event.why}` : event.state);
  }
}

const remark = (event, text) => line(remarks(event), { ...event, text }, "");

const memberWords = (member) => `${member.server} (${member.backend}/${member.backend_server} in ${member.balancer})`;

function stepStarted(event) {
  const phase = PHASES[event.phase] ?? event.phase;
  steps.set(event.step, { id: event.step, phase, host: event.host, at: event.at });
  group(`s${event.step}`, event);
  mark(steps.get(event.step), "running", event.at);
  const tile = event.host && tileOf(event.host);
  if (tile) {
    tone(tile, "running");
    tile.querySelector("span").textContent = phase;
    tile.setAttribute("href", `#s${event.step}`);
  }
}

function stepEnded(event) {
  const state = { done: "succeeded", skipped: "succeeded", warned: "warned", failed: "failed", cancelled: "cancelled" }[event.outcome.result];
  const details = group(`s${event.step}`, event);
  const step = steps.get(event.step);
  const summary = details.querySelector("summary");
  tone(summary, state);
  const took = step ? [duration((Date.parse(event.at) - Date.parse(step.at)) / 1000)] : [];
  if (event.outcome.why) took.push(event.outcome.why);
  summary.lastElementChild.textContent = took.join(" · ");
  if (state === "succeeded" && !details.contains(document.activeElement)) details.open = false;
  if (step) mark(step, state, event.at);
}

function host(event) {
  const tile = tileOf(event.host);
  if (!tile) return;
  tone(tile, event.state);
  const words = tile.querySelector("span");
  if (event.state === "failed") words.textContent = `failed at ${words.textContent}`;
  else if (event.state !== "running") words.textContent = event.state;
}

const tileOf = (name) => [...document.querySelectorAll("a.host")].find((tile) => tile.dataset.host === name);

// One mark of the rail stands for a kind of step on all hosts of its stage. A step
// that has none was planned after the page was made: the page is asked for again.
function mark(step, state, at) {
  const item = [...document.querySelectorAll("[data-steps]")].find((item) => item.dataset.steps.split(" ").includes(String(step.id)));
  if (!item) return refreshSoon();
  if (state === "succeeded" || state === "warned") item.dataset.done = Number(item.dataset.done) + 1;
  const key = item.dataset.step;
  if (!ran.has(key)) ran.set(key, Date.parse(step.at));
  const all = Number(item.dataset.done) >= Number(item.dataset.total);
  const shown = state === "failed" || item.dataset.s === "failed" ? "failed" : all ? (state === "running" ? "succeeded" : state) : "running";
  tone(item, shown);
  item.querySelector("span").textContent = all ? duration((Date.parse(at) - ran.get(key)) / 1000) : `${item.dataset.done}/${item.dataset.total}`;
}

function group(id, event) {
  const known = document.getElementById(id);
  if (known) return known;
  const step = steps.get(event.step);
  const details = create("details");
  details.id = id;
  details.open = true;
  const summary = create("summary");
  summary.dataset.s = step ? "running" : "info";
  summary.append(icon(summary.dataset.s), create("b", step?.phase ?? (event.step === undefined ? "Countersign" : `step ${event.step}`)));
  const of = step?.host ?? event.host;
  if (of) {
    details.dataset.of = of;
    summary.append(create("span", of));
  }
  const note = create("span");
  note.className = "dim";
  summary.append(note);
  const list = create("ol");
  list.className = "lines";
  details.append(summary, list);
  groups.append(details);
  document.getElementById("no-lines")?.remove();
  return details;
}

function remarks(event) {
  const newest = groups.lastElementChild;
  if (newest?.querySelector("summary").dataset.s === "info") return newest;
  return group(`n${event.seq}`, { seq: event.seq });
}

function line(details, event, state) {
  const item = create("li");
  item.id = `L${event.seq}`;
  if (state) item.dataset.s = state;
  const link = create("a", String(event.seq));
  link.href = `#L${event.seq}`;
  const at = new Date(event.at);
  const time = create("time", at.toISOString().slice(11, 19));
  time.dateTime = event.at;
  time.title = at.toUTCString().replace("GMT", "UTC");
  const code = create("code");
  if (!terminals.has(details.id)) terminals.set(details.id, new Terminal());
  terminals.get(details.id).write(code, event.text);
  item.append(link, time, code);
  details.querySelector("ol").append(item);
  lines += 1;
}

function dropOldest() {
  const oldest = groups.querySelector("ol.lines > li");
  if (!oldest) return;
  oldest.remove();
  lines -= 1;
  const earlier = document.getElementById("earlier");
  earlier.hidden = false;
  earlier.dataset.n = Number(earlier.dataset.n) + 1;
  earlier.firstElementChild.textContent = `${grouped(earlier.dataset.n)} earlier ${earlier.dataset.n === "1" ? "line is" : "lines are"}`;
}

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u00a0");

let said = "";
function progress(now) {
  document.getElementById("hosts-n").textContent = `${now.done} of ${now.total} done`;
  const bar = document.getElementById("progress");
  bar.max = now.total;
  bar.value = now.done;
  document.getElementById("say").textContent = now.say;
  if (now.say !== said) document.getElementById("polite").textContent = now.say;
  said = now.say;
  state(now.state);
}

function state(word) {
  if (main.dataset.state === word) return;
  main.dataset.state = word;
  const words = word[0].toUpperCase() + word.slice(1);
  const status = document.querySelector(".page-head .status");
  status.dataset.s = word;
  status.replaceChildren(icon(word), words);
  document.title = `${words}: ${main.dataset.what} · Countersign`;
  const favicon = document.querySelector('link[rel="icon"]');
  favicon.href = favicon.getAttribute("href").replace(/[^/]+$/, `icon-${word}.svg`);
}

// What the server says now of everything but the log, which stays as it is. A part in
// which somebody is about to act is left alone until it is over.
async function refresh(over) {
  const answer = await fetch(location.pathname, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  state(page.querySelector("main").dataset.state);
  for (const part of document.querySelectorAll("[data-part]")) {
    const busy = part.contains(document.activeElement) || part.querySelector("details.confirm[open]");
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (fresh && (over || !busy)) part.replaceWith(document.importNode(fresh, true));
  }
  for (const link of document.querySelectorAll("[data-reload]")) link.hidden = true;
  copyable();
}

let refreshing;
function refreshSoon() {
  clearTimeout(refreshing);
  refreshing = setTimeout(() => refresh(false).catch(() => {}), 300);
}

// At the end the server says what is true now.
async function settle() {
  clearTimeout(refreshing);
  try {
    await refresh(true);
    document.getElementById("polite").textContent = document.getElementById("say").textContent;
    follow.end();
  } catch {
    strip("It has ended. Load the page again to see what each host runs.");
  }
}

function copyable() {
  const button = document.getElementById("copy");
  if (!button || !navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById("copied").value);
    document.getElementById("copy-n").textContent = "Copied.";
  });
}

function strip(text) {
  const banner = document.getElementById("strip");
  banner.hidden = text === "";
  banner.querySelector("span").textContent = text;
}

function tick() {
  const elapsed = document.getElementById("elapsed");
  if (elapsed?.dataset.elapsed === undefined) return;
  const usual = elapsed.textContent.split(", usually ")[1];
  const text = duration(Number(elapsed.dataset.elapsed) + performance.now() / 1000);
  elapsed.textContent = usual ? `${text}, usually ${usual}` : text;
}

function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function tone(element, word) {
  element.dataset.s = word;
  const old = element.querySelector(":scope > svg.i");
  if (old) old.replaceWith(icon(word));
  else element.prepend(icon(word));
}

function create(name, text) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  return element;
}

function icon(word) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${icons}#${WORDS[word] ?? "info"}`);
  svg.append(use);
  return svg;
}
