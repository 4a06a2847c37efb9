// Type-ahead over the whole tree: the server searches, the latest wish wins.

import { served } from "./review_api.js";
import { make, path, root, say, share } from "./review_words.js";

const PAUSE_MS = 15;
const SHOWN = 12;

/** The dialog of `/`: resolves with the category chosen, or null. */
export class Search {
  constructor(dialog, api) {
    this.dialog = dialog;
    this.api = api;
    this.input = dialog.querySelector("input");
    this.list = dialog.querySelector("[role=listbox]");
    this.note = dialog.querySelector(".note");
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#pressed(event));
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#choose([...this.list.children].indexOf(option));
    });
    dialog.addEventListener("close", () => this.#end(null));
  }

  /** Ask for a category; the candidates stand there until something is typed. */
  ask(card) {
    this.candidates = card.candidates;
    this.input.value = this.wanted = "";
    this.dialog.showModal();
    this.#show(this.candidates, say("search_hint"), "");
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  #typed() {
    const since = performance.now();
    this.wanted = this.input.value.trim();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#find(this.wanted, since), PAUSE_MS);
  }

  async #find(text, since) {
    this.asking?.abort();
    if (!text) {
      this.#show(this.candidates, say("search_hint"), text);
      return;
    }
    this.asking = new AbortController();
    const asked = new URLSearchParams({ q: text, limit: SHOWN });
    if (this.api.predictions) asked.set("predictions", this.api.predictions);
    try {
      const response = await served(`${root}v1/tree/search?${asked}`, { signal: this.asking.signal });
      const found = await response.json();
      this.#show(found, found.length ? "" : say("search_nothing"), text);
      requestAnimationFrame(() => performance.measure("review.search", { start: since, end: performance.now() }));
    } catch (error) {
      if (error.name !== "AbortError") this.#show([], error.message, null);
    }
  }

  #show(found, note, text) {
    this.found = found;
    this.shownFor = text;
    this.list.replaceChildren(...found.map((category, place) => option(category, place)));
    this.note.textContent = note;
    this.#mark(0);
  }

  #mark(place) {
    this.place = place;
    for (const [each, shown] of [...this.list.children].entries()) {
      shown.setAttribute("aria-selected", String(each === place));
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
    // Enter right after the last letter means what that letter finds, not what stood there before
    if (this.shownFor !== this.wanted) {
      clearTimeout(this.timer);
      await this.#find(this.wanted, performance.now());
      if (this.shownFor !== this.wanted) return;
    }
    this.#choose(this.place);
  }

  #choose(place) {
    if (this.found[place]) this.#end(this.found[place]);
  }

  #end(category) {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.resolve?.(category);
    this.resolve = null;
    if (this.dialog.open) this.dialog.close();
  }
}

function option(category, place) {
  const names = category.path;
  const shown = make("li", { role: "option", id: `found-${place}`, "aria-selected": "false" });
  shown.append(make("span", { class: "leaf", text: names.at(-1) }));
  if (category.probability) shown.append(make("span", { class: "soft n", text: share(category.probability) }));
  shown.append(make("span", { class: "soft small above", text: path(names.slice(0, -1)) }));
  const others = Object.entries(category.names ?? {}).filter(([, other]) => String(other) !== String(names));
  for (const [lang, other] of others) {
    const text = Array.isArray(other) ? other.at(-1) : other;
    if (text && text !== names.at(-1)) shown.append(make("span", { class: "soft small other", lang, text }));
  }
  return shown;
}
