// The products before a reviewer: those answered, the one on the table, and the next ones, photos decoded.

import { photoTiles } from "./review_photos.js";

const AHEAD = 5;
const KEPT = 40;

/** One product; `answer` is what was said of it, `note` why it came back, `ready` once its photos are decoded. */
class Entry {
  constructor(card, onZoom) {
    this.onZoom = onZoom;
    this.answer = null;
    this.note = "";
    this.isConflict = false;
    this.card = card;
    Object.assign(this, photoTiles(card, this.onZoom));
  }

  get id() {
    return String(this.card.product_id);
  }
}

/** Products in the order in which they are looked at; `place` is the one on the table. */
export class Deck {
  constructor(api, { onZoom, onMore, onError, audit }) {
    Object.assign(this, { api, onZoom, onMore, onError, audit });
    this.entries = [];
    this.place = 0;
    this.asking = false;
    this.isEnd = false;
  }

  get current() {
    return this.entries[this.place] ?? null;
  }

  /** Those not answered, which nobody else gets. */
  get waiting() {
    return this.entries.filter((entry) => !entry.answer);
  }

  /** The next one that waits, after the one on the table, else before it. */
  advance() {
    const after = this.entries.findIndex((entry, place) => place > this.place && !entry.answer);
    const any = after >= 0 ? after : this.entries.findIndex((entry) => !entry.answer);
    this.place = any >= 0 ? any : this.entries.length;
    const gone = Math.max(0, Math.min(this.place - KEPT, this.entries.length));
    this.entries.splice(0, gone);
    this.place -= gone;
    this.fill();
  }

  /** Look at another one, without an answer; false where there is none. */
  look(step) {
    if (!this.entries[this.place + step]) return false;
    this.place += step;
    return true;
  }

  /** A product whose answer was not kept comes next: what is on the table must not change under a finger. */
  comesNext(entry, note) {
    Object.assign(entry, { answer: null, note });
    if (entry === this.current) return;
    const from = this.entries.indexOf(entry);
    if (from >= 0) {
      this.entries.splice(from, 1);
      if (from < this.place) this.place -= 1;
    }
    this.entries.splice(this.current ? this.place + 1 : this.place, 0, entry);
  }

  /** A product taken back is on the table at once. */
  toTable(entry) {
    Object.assign(entry, { answer: null, note: "" });
    if (!this.entries.includes(entry)) this.entries.splice(this.place, 0, entry);
    this.place = this.entries.indexOf(entry);
  }

  /** Cards that came with an undo: on the table, or renewed where they lie already. */
  takeBack(cards) {
    for (const card of [...cards].reverse()) {
      const known = this.entries.find((entry) => entry.id === String(card.product_id));
      if (known) known.card = card;
      this.toTable(known ?? new Entry(card, this.onZoom));
    }
  }

  /** Forget what waits and ask anew: a bulk answer may have taken some of it. */
  async refill() {
    this.entries = this.entries.filter((entry) => entry.answer);
    this.place = this.entries.length;
    await this.fill();
  }

  /** Ask for as many as are missing, until there are enough: answers go on meanwhile. */
  async fill() {
    if (this.asking) return;
    this.asking = true;
    try {
      let some = true;
      while (some && this.#missing > 0) some = await this.#ask(this.#missing);
    } catch (error) {
      this.onError(error);
    } finally {
      this.asking = false;
    }
  }

  get #missing() {
    return AHEAD - this.entries.slice(this.place + 1).filter((entry) => !entry.answer).length;
  }

  /** Hold on to what is before the reviewer, whose time would run out. */
  async renew() {
    if (this.asking || !this.waiting.length) return;
    // the API gives at least one product: the last of those ahead comes anew
    const last = this.entries.findLastIndex((entry) => !entry.answer);
    if (last > this.place) this.entries.splice(last, 1);
    this.asking = true;
    await this.#ask(1).catch(() => {});
    this.asking = false;
  }

  async #ask(count) {
    const before = new Set(this.entries);
    // answers under way are not known to the server yet: what they are on must not come again
    const theirs = this.entries.filter((entry) => !entry.answer || entry.isUnderWay);
    const held = theirs.map((entry) => entry.card.product_id);
    const { cards, progress, lost = [] } = await this.api.post("/next", { count, held, audit: this.audit });
    const gone = new Set(lost.map(String));
    const table = this.current;
    this.entries = this.entries.filter((entry) => entry === table || entry.answer || !gone.has(entry.id));
    if (table) this.place = this.entries.indexOf(table);
    const here = new Set(this.entries.filter((entry) => !entry.answer || !before.has(entry)).map((entry) => entry.id));
    for (const card of cards) {
      if (!here.has(String(card.product_id))) this.entries.push(new Entry(card, this.onZoom));
    }
    this.isEnd = !cards.length && !this.waiting.length;
    this.onMore(progress);
    return cards.length > 0;
  }
}
