// What happened, said plainly: the line on answers that are not sent, and passing words.

import { make, say } from "./review_words.js";
import { toast } from "./toast.js";

/** Only the latest passing words stay: a reviewer makes many. */
export class Notices {
  constructor(place, onRetry) {
    this.place = place;
    this.unsent = make("div", { class: "unsent warning", role: "alert", hidden: true });
    this.words = make("span");
    const retry = make("button", { type: "button", text: say("retry") });
    retry.addEventListener("click", onRetry);
    this.unsent.append(this.words, retry);
    place.append(this.unsent);
    this.end = () => {};
  }

  tell(sentence, { bad = false } = {}) {
    this.end();
    const end = toast(sentence, { bad });
    // bad news stays until its own time is over
    this.end = bad ? () => {} : end;
  }

  /** How the outbox stands; answers that are simply under way need no words. */
  show({ unsent, waitS, error }) {
    this.place.dataset.unsent = unsent;
    if (error) this.words.textContent = say("unsent", { n: unsent, why: error.message, s: Math.ceil(waitS) });
    if (error || !unsent) this.unsent.hidden = !unsent;
  }
}
