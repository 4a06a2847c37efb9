// One answer for many products: shown before it is done.

import { photoLink } from "./review_photos.js";
import { make, pathBlock, say, share } from "./review_words.js";

const PAUSE_MS = 150;
const SHOWN = 24;

/** The dialog of a bulk answer; `ask` resolves with what the server did, or null. */
export class Bulk {
  constructor(dialog, api, keyboard) {
    this.dialog = dialog;
    this.api = api;
    this.photos = dialog.querySelector(".bulk-photos");
    this.heading = dialog.querySelector("h2");
    this.category = dialog.querySelector(".bulk-category");
    this.slider = dialog.querySelector("input");
    this.note = dialog.querySelector(".note");
    this.confirm = dialog.querySelector("button.main");
    this.confirm.addEventListener("click", () => this.#confirm());
    this.slider.addEventListener("input", () => {
      this.confirm.disabled = true;
      this.#label();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#preview(), PAUSE_MS);
    });
    dialog.addEventListener("close", () => this.#end(null));
    keyboard.within(dialog, [{ keys: ["Enter"], run: () => this.#confirm() }]);
    this.slider.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#confirm();
    });
  }

  /** `asked`: as the API takes it; a slider where it has a `min_confidence`. */
  ask(asked) {
    this.asked = asked;
    const slides = asked.min_confidence !== undefined;
    this.dialog.querySelector(".slider").hidden = !slides;
    if (slides) this.slider.value = Math.round(asked.min_confidence * 100);
    this.#label();
    this.photos.replaceChildren();
    this.category.replaceChildren();
    this.heading.textContent = say("bulk_loading");
    this.confirm.disabled = true;
    this.dialog.showModal();
    // not on "Cancel", which comes first as long as nothing can be confirmed
    if (!slides) this.heading.focus();
    this.#preview();
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  #label() {
    this.dialog.querySelector("output").textContent = share(Number(this.slider.value) / 100);
  }

  async #preview() {
    const asked = { ...this.asked };
    if (asked.min_confidence !== undefined) asked.min_confidence = Number(this.slider.value) / 100;
    this.latest = asked;
    try {
      const shown = await this.api.post("/bulk", asked);
      if (asked === this.latest) this.#show(shown);
    } catch (error) {
      if (asked !== this.latest) return;
      this.heading.textContent = say("bulk_nothing");
      this.photos.replaceChildren();
      this.note.textContent = error.message;
    }
  }

  #show(shown) {
    this.ticket = shown.count ? shown.ticket : null;
    this.heading.textContent = say("bulk_count", { n: shown.count });
    this.category.replaceChildren(pathBlock(shown.category.path));
    const cards = shown.cards.slice(0, SHOWN);
    this.photos.replaceChildren(...cards.map(figure));
    this.note.textContent = shown.count > cards.length ? say("bulk_more", { n: shown.count - cards.length }) : "";
    this.confirm.textContent = say("bulk_confirm", { n: shown.count });
    this.confirm.disabled = !shown.count;
    if (document.activeElement === this.heading) this.confirm.focus();
  }

  async #confirm() {
    if (this.confirm.disabled) return;
    this.confirm.disabled = true;
    try {
      this.#end(await this.api.post("/bulk/confirm", { ticket: this.ticket }));
    } catch (error) {
      this.note.textContent = error.message;
      if (error.retriable) this.confirm.disabled = false;
    }
  }

  #end(done) {
    clearTimeout(this.timer);
    this.latest = null;
    this.resolve?.(done);
    this.resolve = null;
    if (this.dialog.open) this.dialog.close();
  }
}

function figure(card) {
  const title = card.title || say("untitled", { id: card.product_id });
  const shown = make("figure");
  if (card.photos.length) {
    shown.append(make("img", { src: photoLink(card.photos[0], 160), alt: "", width: 96, height: 96, loading: "lazy" }));
  }
  shown.append(make("figcaption", { class: "small", text: title, title }));
  return shown;
}
