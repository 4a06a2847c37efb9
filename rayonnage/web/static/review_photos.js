// A product's photos: decoded before they are shown, and looked at closely.

import { make, root, say } from "./review_words.js";

const SIZES = [480, 1600];
const MOST = 8;

/** The link to a photo at a size; cards have links from the root. */
export function photoLink(link, side) {
  const [place, query] = link.replace(/^\//, "").split("?");
  const asked = new URLSearchParams(query);
  asked.set("side", side);
  return `${root}${place}?${asked}`;
}

function image(link, sizes, alt) {
  const srcset = SIZES.map((side) => `${photoLink(link, side)} ${side}w`).join(", ");
  // decoding with the frame: a product is painted at once, its photos with its words
  return make("img", { alt, sizes, srcset, src: photoLink(link, SIZES[0]), decoding: "sync", draggable: "false" });
}

/** The photos of a card as buttons that enlarge them, `ready` once all are decoded. */
export function photoTiles(card, onZoom) {
  const count = card.photos.length;
  const tiles = make("div", { class: "photos", "data-count": count });
  const waits = card.photos.map((link, place) => {
    const shown = image(link, count === 1 ? "640px" : "320px", say("photo_n", { k: place + 1, of: count }));
    const label = say("enlarge", { k: place + 1 });
    const tile = make("button", { type: "button", class: "photo", "aria-label": label }, shown);
    tile.addEventListener("click", (event) => {
      // or the Enter after a look at the photo would open it again
      if (event.detail) tile.blur();
      onZoom(place);
    });
    tile.addEventListener(
      "wheel",
      (event) => {
        // scrolling down stays scrolling
        if (!event.ctrlKey && (event.deltaY >= 0 || window.scrollY > 0)) return;
        event.preventDefault();
        onZoom(place);
      },
      { passive: false },
    );
    tiles.append(tile);
    return shown.decode().catch(() => {
      tile.classList.add("broken");
      shown.replaceWith(make("span", { class: "soft", text: say("no_photo_here") }));
    });
  });
  if (!count) tiles.append(make("p", { class: "photo broken soft", text: say("no_photo") }));
  return { tiles, ready: Promise.all(waits) };
}

/** The dialog in which a photo is looked at closely: wheel, pinch, drag, arrows. */
export class Zoom {
  constructor(dialog, keyboard) {
    this.dialog = dialog;
    this.stage = dialog.querySelector(".stage");
    this.pointers = new Map();
    const next = (step) => this.#show((this.place + step + this.links.length) % this.links.length);
    keyboard.within(dialog, [
      // Escape, too: the browser closes a moment later, and Enter may follow at once
      { keys: ["z", "Enter", " ", "Escape"], run: () => dialog.close() },
      { keys: ["ArrowRight"], run: () => next(1) },
      { keys: ["ArrowLeft"], run: () => next(-1) },
      { keys: ["+", "="], repeats: true, run: () => this.#scale(1.3) },
      { keys: ["-"], repeats: true, run: () => this.#scale(1 / 1.3) },
    ]);
    this.stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", (event) => this.#down(event));
    this.stage.addEventListener("pointermove", (event) => this.#move(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      this.stage.addEventListener(kind, (event) => this.#up(event));
    }
  }

  open(card, place) {
    if (!card.photos.length) return;
    this.links = card.photos;
    this.#show(place);
    if (!this.dialog.open) this.dialog.showModal();
  }

  #show(place) {
    this.place = place;
    const alt = say("photo_n", { k: place + 1, of: this.links.length });
    this.img = image(this.links[place], "100vw", alt);
    this.stage.replaceChildren(this.img);
    Object.assign(this, { scale: 1, x: 0, y: 0 });
  }

  #wheel(event) {
    event.preventDefault();
    this.#scale(Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
  }

  #down(event) {
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event);
    this.travelled = 0;
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.pointers.values()].find((each) => each.pointerId !== event.pointerId);
    this.pointers.set(event.pointerId, event);
    this.travelled += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
    if (other) {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      const middle = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      this.#scale(apart(event) / apart(before), ...middle);
    } else if (this.scale > 1) {
      this.x += event.clientX - before.clientX;
      this.y += event.clientY - before.clientY;
      this.#paint();
    }
  }

  #up(event) {
    const wasClick = this.pointers.size === 1 && this.travelled < 6 && event.type === "pointerup";
    this.pointers.delete(event.pointerId);
    if (wasClick) this.#scale(this.scale > 1 ? 0 : 2.5, event.clientX, event.clientY);
  }

  /** By a factor, the point under the pointer staying where it is; 0 shows the whole photo. */
  #scale(factor, clientX, clientY) {
    const scale = Math.min(Math.max(this.scale * factor, 1), MOST);
    const frame = this.stage.getBoundingClientRect();
    const [fromX, fromY] = [frame.left + frame.width / 2, frame.top + frame.height / 2];
    const [aboutX, aboutY] = [(clientX ?? fromX) - fromX, (clientY ?? fromY) - fromY];
    const grown = scale / this.scale;
    this.x = scale === 1 ? 0 : aboutX - (aboutX - this.x) * grown;
    this.y = scale === 1 ? 0 : aboutY - (aboutY - this.y) * grown;
    this.scale = scale;
    this.#paint();
  }

  #paint() {
    this.img.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.stage.classList.toggle("close", this.scale > 1);
  }
}
