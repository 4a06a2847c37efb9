// One product as it lies before a reviewer.

import { make, path, pathBlock, say, share, withCommands } from "./review_words.js";

/** What an answer says, in words. */
export function answerWords(answer) {
  if (answer.kind === "none") return say(`was_none_${answer.why_none}`);
  if (answer.kind === "skip") return say("was_skipped");
  return say(answer.kind === "parent" ? "was_parent" : "was_category", { path: path(answer.path) });
}

function probability(value) {
  if (value === null || value === undefined) return [];
  const meter = make("meter", { min: 0, max: 1, value, "aria-hidden": "true" });
  return [meter, make("span", { class: "n", text: share(value) })];
}

function choice(key, name, inside, onPress) {
  const button = make("button", { type: "button", class: `choice ${name}`, "aria-keyshortcuts": key });
  button.append(make("kbd", { text: key === "Enter" ? say("enter") : key, "aria-hidden": "true" }), ...inside);
  button.addEventListener("click", () => onPress(key));
  return button;
}

function facts(card) {
  const parts = [];
  if (card.why.length) {
    const reasons = card.why.map((sentence) => make("li", { text: sentence }));
    parts.push(make("h3", { text: say("why") }), make("ul", { class: "why" }, ...reasons));
  }
  if (card.text_read) {
    parts.push(make("h3", { text: say("text_read") }), make("blockquote", { text: card.text_read }));
  }
  return parts;
}

function badges(card) {
  const shown = [];
  if (card.is_audit) shown.push(make("p", { class: "badge audit", text: say("is_audit") }));
  return shown;
}

/** Paints entries into the page's places. */
export class CardView {
  constructor(region, onPress) {
    this.region = region;
    this.onPress = onPress;
    this.photos = region.querySelector(".photos-place");
    this.side = region.querySelector(".side-place");
    this.title = region.querySelector("h2");
  }

  show(entry, { forCopies }) {
    const { card } = entry;
    const hadFocus = this.region.contains(document.activeElement);
    this.title.textContent = card.title || say("untitled", { id: card.product_id });
    this.title.classList.toggle("untitled", !card.title);
    this.photos.replaceChildren(entry.tiles);
    const choices = this.#choices(entry, forCopies);
    this.side.replaceChildren(...this.#notes(entry), ...badges(card), ...choices, ...facts(card));
    // what had the focus is gone: the next Tab goes on from the product
    if (hadFocus) this.region.focus({ preventScroll: true });
  }

  #notes(entry) {
    const notes = [];
    if (entry.note) notes.push(make("div", { class: "warning", role: "alert" }, withCommands(entry.note)));
    if (entry.answer) {
      const words = make("strong", { text: answerWords(entry.answer) });
      notes.push(make("p", { class: "answered" }, words, " ", say("change")));
    }
    return notes;
  }

  #choices({ card, answer }, forCopies) {
    const { suggestion, parent, candidates } = card;
    const keyed = candidates.slice(0, 9).map((each, place) => ({ ...each, key: String(place + 1) }));
    // the suggestion stands above already; its digit gives it nevertheless
    const others = keyed.filter((each) => String(each.category_id) !== String(suggestion.category_id)).map((each) =>
      choice(each.key, "", [pathBlock(each.path, suggestion.path), ...probability(each.probability)], this.onPress),
    );
    const suggested = [pathBlock(suggestion.path), ...probability(suggestion.probability)];
    const accept = choice("Enter", "accept", suggested, this.onPress);
    const list = make("div", { class: "choices", "data-answered": answer ? "true" : "false" }, accept);
    if (parent) {
      const words = make("span", { class: "shelf" });
      words.append(make("span", { class: "above", text: say("parent_only") }));
      words.append(make("span", { class: "leaf", text: path(parent.path) }));
      list.append(choice("p", "parent", [words, ...probability(parent.probability)], this.onPress));
    }
    if (card.copies > 1) list.append(this.#copies(card, forCopies));
    if (others.length) list.append(make("h3", { text: say("candidates") }), ...others);
    return [make("h3", { text: say("suggestion") }), list];
  }

  #copies(card, forCopies) {
    const words = make("span", { class: "shelf" });
    words.append(make("span", { class: "leaf", text: say("for_copies", { n: card.copies }) }));
    const button = choice("c", "copies", [words], this.onPress);
    button.setAttribute("aria-pressed", String(forCopies));
    return button;
  }
}
