// How far the review is, in words.

import { make, say, share } from "./review_words.js";

/** Fills the line above the product; `unsent` answers are added by the page itself. */
export function showProgress(place, progress) {
  const done = progress.answered;
  const whole = done + progress.waiting;
  const bar = make("progress", { max: Math.max(whole, 1), value: done, "aria-label": say("progress") });
  const waiting = make("strong", { text: say("waiting", { n: progress.waiting }) });
  const parts = [waiting, make("span", { text: say("answered", { n: done }) })];
  if (progress.skipped) parts.push(make("span", { text: say("skipped", { n: progress.skipped }) }));
  if (progress.per_hour) parts.push(make("span", { text: say("per_hour", { n: Math.round(progress.per_hour) }) }));
  place.replaceChildren(bar, make("p", { class: "soft small counts" }, ...parts), precisionWords(progress));
}

function precisionWords(progress) {
  const [leaf, ...above] = progress.precision;
  const line = make("p", { class: "soft small precision" });
  if (!leaf) {
    line.textContent = progress.drawn ? say("precision_none", { n: progress.drawn }) : "";
    return line;
  }
  const interval = { low: share(leaf.low), high: share(leaf.high), share: share(leaf.share) };
  line.textContent = say("precision", { n: progress.audited, right: leaf.right, ...interval });
  const levels = above.map((one) => say("precision_level", { level: one.level, share: share(one.share) }));
  if (levels.length) line.title = levels.join("; ");
  return line;
}
