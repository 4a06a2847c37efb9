// Answers on their way to the server: sent in order, tried again, kept when the page is closed, never lost in silence.

import { NotServed } from "./review_api.js";

const WAITS_S = [1, 2, 4, 8, 15, 30];
const FAULTS = 4;
export const UNDO = "/undo";

/**
 * Holds `{place, body, ...}` until the server has taken them; `place` is that of the API.
 *
 * `onAnswered(item, answer)` and `onRefused(item, error)` say how each ended. `onState({unsent, waitS, error})` says
 * how it stands: an unreachable or overloaded server is asked again for as long as it takes. A server that fails
 * `FAULTS` times on one answer may never take it: then it is refused, or it would hold up all that came after.
 */
export class Outbox {
  constructor(api, { onAnswered, onRefused, onState }) {
    this.api = api;
    this.on = { onAnswered, onRefused, onState };
    this.items = [];
    this.sending = null;
    this.tries = 0;
    this.timer = null;
    window.addEventListener("online", () => this.retry());
    window.addEventListener("beforeunload", (event) => {
      if (this.items.length) event.preventDefault();
    });
  }

  get unsent() {
    return this.items.length;
  }

  /** What this window left unsent when the page was last closed is sent now. */
  restore() {
    this.items = JSON.parse(sessionStorage.getItem(this.#place) ?? "[]");
    this.#tell();
    this.#go();
  }

  push(item) {
    this.items.push(item);
    this.#keep();
    this.#tell();
    this.#go();
  }

  /** Take an answer back that the server has not confirmed. */
  withdraw(item) {
    // while the server is away nobody knows whether it took what was sent last: that is undone once it is back
    if (item === this.sending || item.tried) item.withdrawn = true;
    else this.items.splice(this.items.indexOf(item), 1);
    this.#keep();
    this.#tell();
  }

  /** Try again at once. */
  retry() {
    clearTimeout(this.timer);
    this.timer = null;
    this.#go();
  }

  get #place() {
    return `rayonnage.unsent.${this.api.predictions}`;
  }

  #keep() {
    try {
      const kept = this.items.map(({ place, body, tried, withdrawn }) => ({ place, body, tried, withdrawn }));
      if (kept.length) sessionStorage.setItem(this.#place, JSON.stringify(kept));
      else sessionStorage.removeItem(this.#place);
    } catch {
      // storage may be forbidden or full: the warning on leaving the page remains
    }
  }

  #tell(waitS = null, error = null) {
    this.on.onState({ unsent: this.items.length, waitS, error });
  }

  async #go() {
    while (this.items.length && !this.sending && !this.timer) {
      const item = this.items[0];
      this.sending = item;
      try {
        const answer = await this.api.post(item.place, item.body);
        if (item.withdrawn && item.place !== UNDO) {
          Object.assign(item, { place: UNDO, body: { act: answer.act } });
          this.#keep();
          continue;
        }
        this.#done(item);
        this.on.onAnswered(item, answer);
      } catch (error) {
        if (!(error instanceof NotServed)) throw error;
        this.#failed(item, error);
      } finally {
        this.sending = null;
      }
    }
  }

  #done(item) {
    this.items.splice(this.items.indexOf(item), 1);
    this.tries = 0;
    this.#keep();
    this.#tell();
  }

  #failed(item, error) {
    item.tried = true;
    item.faults = (item.faults ?? 0) + (error.status >= 500 && error.status !== 503 ? 1 : 0);
    if (!error.retriable || item.faults >= FAULTS) {
      this.#done(item);
      this.on.onRefused(item, error);
      return;
    }
    const waitS = error.waitS ?? WAITS_S[Math.min(this.tries++, WAITS_S.length - 1)];
    this.timer = setTimeout(() => this.retry(), waitS * 1000);
    this.#tell(waitS, error);
  }
}
