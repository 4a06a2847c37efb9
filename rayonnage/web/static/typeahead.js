// A type-ahead: a box, the list of what was found for it, and one of the list that is marked.

/**
 * Searches while one types; the latest wish wins, and Enter means what stands in the box, not what was found before it.
 *
 * `pauseMs`: how long the typing rests before it is searched for; `find(text, signal)`: a promise of the things that
 * fit; `unasked()`: the things that stand there while nothing is typed; `drawn(thing)`: an option's children;
 * `onShown(found, text)`, `onFailed(error)`: for the words beside it; `onChosen(thing)`.
 */
export class TypeAhead {
  constructor(input, list, { pauseMs, find, unasked = () => [], drawn, onShown, onFailed, onChosen }) {
    Object.assign(this, { input, list, pauseMs, find, unasked, drawn, onShown, onFailed, onChosen });
    this.found = [];
    this.place = 0;
    this.wanted = this.shownFor = "";
    input.addEventListener("input", () => this.#typed());
    input.addEventListener("keydown", (event) => this.#pressed(event));
    // the box keeps the focus while an option is pressed
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#choose([...list.children].indexOf(option));
    });
  }

  /** Nothing is typed, and nothing that was asked before is shown any more. */
  begin() {
    this.rest();
    this.input.value = this.wanted = "";
    this.#fill(this.unasked());
  }

  /** No search that is under way or waits shows anything. */
  rest() {
    clearTimeout(this.timer);
    this.asking?.abort();
  }

  #typed() {
    this.rest();
    this.wanted = this.input.value.trim();
    this.timer = setTimeout(() => this.#search(), this.pauseMs);
  }

  async #search() {
    this.rest();
    const text = this.wanted;
    if (!text) return this.#fill(this.unasked());
    const asking = (this.asking = new AbortController());
    try {
      const found = await this.find(text, asking.signal);
      if (!asking.signal.aborted) this.#fill(found, text);
    } catch (error) {
      if (asking.signal.aborted) return;
      this.#show([], null);
      this.onFailed(error);
    }
  }

  #fill(found, text = "") {
    this.#show(found, text);
    this.onShown(found, text);
  }

  #show(found, text) {
    this.found = found;
    this.shownFor = text;
    this.list.replaceChildren(...found.map((thing, place) => this.#option(thing, place)));
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.#mark(0);
  }

  #option(thing, place) {
    const option = document.createElement("li");
    option.id = `${this.list.id}-${place}`;
    option.setAttribute("role", "option");
    option.append(...this.drawn(thing));
    return option;
  }

  #mark(place) {
    this.place = place;
    for (const [each, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(each === place));
    }
    const marked = this.list.children[place];
    marked?.scrollIntoView({ block: "nearest" });
    if (marked) this.input.setAttribute("aria-activedescendant", marked.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.isComposing) return;
    if (step && this.found.length) {
      event.preventDefault();
      this.#mark((this.place + step + this.found.length) % this.found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!event.repeat) this.#enter();
    }
  }

  async #enter() {
    // right after the last letter: what that letter finds is meant
    if (this.shownFor !== this.wanted) {
      await this.#search();
      if (this.shownFor !== this.wanted) return;
    }
    this.#choose(this.place);
  }

  #choose(place) {
    const chosen = this.found[place];
    if (!chosen) return;
    this.rest();
    this.onChosen(chosen);
  }
}
