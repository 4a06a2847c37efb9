// All photos of the product under the pointer or the focus, large, beside it: never over what is pressed.

import { photoLink } from "./review_photos.js";
import { make, say } from "./review_words.js";

const GAP = 10;
const PAUSE_MS = 120;

export class Loupe {
  constructor(place, tiles, cardOf) {
    Object.assign(this, { place, cardOf });
    tiles.addEventListener("pointerover", (event) => {
      // a finger has no "over": the tiles are large there
      if (event.pointerType === "mouse") this.#soon(event.target.closest(".tile"));
    });
    tiles.addEventListener("pointerleave", () => this.#soon(null));
    tiles.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible")) this.#soon(event.target.closest(".tile"));
    });
    tiles.addEventListener("focusout", () => this.#soon(null));
    new MutationObserver(() => this.#soon(null)).observe(tiles, { childList: true });
  }

  #soon(tile) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#show(tile), PAUSE_MS);
  }

  #show(tile) {
    const card = tile?.isConnected && this.cardOf(tile);
    this.place.hidden = !card;
    if (!card) return;
    const size = { alt: "", width: 360, height: 360 };
    const photos = card.photos.map((link) => make("img", { src: photoLink(link, 480), ...size }));
    const title = make("p", { class: "small", text: card.title || say("untitled", { id: card.product_id }) });
    this.place.replaceChildren(make("div", { class: "loupe-photos" }, ...photos), title);
    if (card.text_read) this.place.append(make("p", { class: "small soft", text: card.text_read.slice(0, 200) }));
    const at = tile.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.place;
    const left = at.right + GAP + width > innerWidth ? at.left - GAP - width : at.right + GAP;
    this.place.style.left = `${Math.max(left, GAP)}px`;
    this.place.style.top = `${Math.max(GAP, Math.min(at.top, innerHeight - height - GAP))}px`;
  }
}
