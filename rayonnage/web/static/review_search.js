// Type-ahead over the whole tree, in a dialog: the server searches.

import { served } from "./review_api.js";
import { make, path, root, say, share } from "./review_words.js";
import { TypeAhead } from "./typeahead.js";

const SHOWN = 12;

/** The dialog of `/`: resolves with the category chosen, or null. */
export class Search {
  constructor(dialog, api) {
    this.dialog = dialog;
    this.api = api;
    this.candidates = [];
    const input = dialog.querySelector("input");
    const note = dialog.querySelector(".note");
    input.addEventListener("input", () => {
      this.since = performance.now();
    });
    this.typeahead = new TypeAhead(input, dialog.querySelector("[role=listbox]"), {
      pauseMs: 15,
      find: (text, signal) => this.#found(text, signal),
      unasked: () => this.candidates,
      drawn,
      onShown: (found, text) => {
        if (!text) note.textContent = say("search_hint");
        else note.textContent = found.length ? "" : say("search_nothing");
        if (text) requestAnimationFrame(() => performance.measure("review.search", { start: this.since }));
      },
      onFailed: (error) => {
        note.textContent = error.message;
      },
      onChosen: (category) => this.#end(category),
    });
    dialog.addEventListener("close", () => this.#end(null));
  }

  /** Ask for a category; the candidates stand there until something is typed. */
  ask(card) {
    this.candidates = card.candidates;
    this.dialog.showModal();
    this.typeahead.begin();
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  async #found(text, signal) {
    const asked = new URLSearchParams({ q: text, limit: SHOWN });
    if (this.api.predictions) asked.set("predictions", this.api.predictions);
    return (await served(`${root}v1/tree/search?${asked}`, { signal })).json();
  }

  #end(category) {
    this.typeahead.rest();
    this.resolve?.(category);
    this.resolve = null;
    if (this.dialog.open) this.dialog.close();
  }
}

function drawn(category) {
  const names = category.path;
  const shown = [make("span", { class: "leaf", text: names.at(-1) })];
  if (category.probability) shown.push(make("span", { class: "soft n", text: share(category.probability) }));
  shown.push(make("span", { class: "soft small above", text: path(names.slice(0, -1)) }));
  const others = Object.entries(category.names ?? {}).filter(([, other]) => String(other) !== String(names));
  for (const [lang, other] of others) {
    const text = Array.isArray(other) ? other.at(-1) : other;
    if (text && text !== names.at(-1)) shown.push(make("span", { class: "soft small other", lang, text }));
  }
  return shown;
}
