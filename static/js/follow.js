// Follows the newest line while the reader is at the bottom, and lets go as soon as
// they scroll up. It never moves the focus.
export class Follow {
  #on;
  #seen;
  #pill;
  #groups;
  #moving = false;

  constructor(pill, groups) {
    this.#pill = pill;
    this.#groups = groups;
    this.#on = this.#atBottom();
    this.#seen = this.#count();
    addEventListener("scroll", () => this.#scrolled(), { passive: true });
    pill.addEventListener("click", (event) => {
      event.preventDefault();
      this.#on = true;
      this.added();
    });
  }

  /** Lines were added. */
  added() {
    if (this.#on) {
      this.#moving = true;
      scrollTo({ top: document.documentElement.scrollHeight });
      this.#seen = this.#count();
    }
    this.#show();
  }

  /** Nothing more comes. */
  end() {
    this.#on = false;
    this.#pill.hidden = true;
  }

  #scrolled() {
    if (this.#moving) {
      this.#moving = false;
      return;
    }
    this.#on = this.#atBottom();
    if (this.#on) this.#seen = this.#count();
    this.#show();
  }

  #show() {
    const fresh = this.#count() - this.#seen;
    this.#pill.hidden = this.#on || fresh <= 0;
    this.#pill.querySelector("span").textContent = `Jump to live (${fresh} new)`;
  }

  // The number of the newest line counts, not the lines that the page still holds.
  #count() {
    const items = this.#groups.querySelectorAll("ol.lines > li:last-child");
    return [...items].reduce((most, item) => Math.max(most, Number(item.id.slice(1))), 0);
  }

  #atBottom() {
    return innerHeight + scrollY >= document.documentElement.scrollHeight - 48;
  }
}
