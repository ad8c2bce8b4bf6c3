// The same as the server does for lines that come later: colours (SGR) become
// classes, everything else that a terminal would obey is dropped. Text only ever
// becomes text.
const OTHER = /\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[PX^_][^\x1b]*(?:\x1b\\|$)|\x1b\[[0-?]*[ -/]*(?:[@-~]|$)|\x1b[ -/]*(?:[0-~]|$)/g;
const HIDDEN = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const LIMIT = 8192;

const FLAGS = { 1: ["b", 1], 2: ["d", 1], 3: ["i", 1], 4: ["u", 1], 7: ["v", 1], 9: ["s", 1], 22: ["bd", 0], 21: ["bd", 0], 23: ["i", 0], 24: ["u", 0], 27: ["v", 0], 29: ["s", 0] };

export class Terminal {
  style = {};

  /** Appends one line to `into`. */
  write(into, line) {
    const text = line.replace(/\r$/, "").slice(0, LIMIT);
    let from = 0;
    for (const match of text.matchAll(OTHER)) {
      this.#put(into, text.slice(from, match.index));
      from = match.index + match[0].length;
      const colours = /^\x1b\[([\d;:]*)m$/.exec(match[0]);
      if (colours) this.#apply(colours[1]);
    }
    this.#put(into, text.slice(from));
    if (line.length > LIMIT) {
      const cut = document.createElement("span");
      cut.className = "cut";
      cut.textContent = "… more in the raw log";
      into.append(cut);
    }
  }

  #put(into, raw) {
    const text = raw.replaceAll("\r", "␍").replace(HIDDEN, "");
    if (text === "") return;
    const classes = this.#classes();
    if (classes === "") return into.append(text);
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = text;
    into.append(span);
  }

  #classes() {
    const { ink, ground, ...flags } = this.style;
    const classes = Object.keys(flags).map((flag) => `a${flag}`);
    if (ink !== undefined) classes.push(`f${ink}`);
    if (ground !== undefined) classes.push(`g${ground}`);
    return classes.join(" ");
  }

  #apply(parameters) {
    const codes = parameters.split(/[;:]/).map((code) => Number(code || 0));
    for (let at = 0; at < codes.length; at += 1) {
      const code = codes[at];
      if (code === 0) this.style = {};
      else if (FLAGS[code]) for (const flag of FLAGS[code][0]) {
        if (FLAGS[code][1]) this.style[flag] = true;
        else delete this.style[flag];
      }
      else if (code === 38 || code === 48) at = this.#extended(code === 38 ? "ink" : "ground", codes, at);
      else if (code >= 30 && code <= 37) this.style.ink = code - 30;
      else if (code >= 90 && code <= 97) this.style.ink = code - 82;
      else if (code >= 40 && code <= 47) this.style.ground = code - 40;
      else if (code >= 100 && code <= 107) this.style.ground = code - 92;
      else if (code === 39) delete this.style.ink;
      else if (code === 49) delete this.style.ground;
    }
  }

  // Only the sixteen colours have a class; a page loaded anew shows the nearest.
  #extended(which, codes, at) {
    const length = codes[at + 1] === 2 ? 4 : 2;
    const colour = codes[at + 2];
    if (length === 2 && colour < 16) this.style[which] = colour;
    else delete this.style[which];
    return at + length;
  }
}
