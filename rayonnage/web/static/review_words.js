// The page's sentences, and small things to write them with.

const sentences = JSON.parse(document.getElementById("words").textContent);
const language = document.documentElement.lang;
const plural = new Intl.PluralRules(language);
const number = new Intl.NumberFormat(language);
const percent = new Intl.NumberFormat(language, { style: "percent" });

export const root = document.body.dataset.root;

/** A sentence with its `{values}`; where `n` is one of something, the sentence `key_one` if there is one. */
export function say(key, values = {}) {
  const single = "n" in values && plural.select(values.n) === "one" && `${key}_one` in sentences;
  const sentence = sentences[single ? `${key}_one` : key];
  return sentence.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" && name !== "id" ? number.format(value) : String(value);
  });
}

/** A share in [0, 1], rounded as `share_text` of the server does it: what is not all is never said to be `100 %`. */
export function share(value) {
  const rounded = Math.round(100 * value) / 100;
  const gap = language === "fr" ? "\u00a0" : "";
  if (rounded >= 1 && value < 1) return `>${gap}${percent.format(0.99)}`;
  if (rounded < 0.01 && value > 0) return `<${gap}${percent.format(0.01)}`;
  return percent.format(value);
}

export const path = (names) => names.join(" \u203a ");

/** An element with attributes, `text` and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name === "class") element.className = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A category's path: where it hangs, small, above its own name; what it shares with `known` is not said again. */
export function pathBlock(names, known = []) {
  const parted = names.findIndex((name, level) => name !== known[level]);
  const from = Math.max(0, Math.min(parted, names.length - 2));
  const text = (from ? "… › " : "") + path(names.slice(from, -1));
  const above = make("span", { class: "above", text, title: path(names) });
  return make("span", { class: "shelf" }, above, make("span", { class: "leaf", text: names.at(-1) }));
}

/** A sentence in which `commands` stand between backticks. */
export function withCommands(sentence) {
  const parts = sentence.split("`").map((part, place) => (place % 2 ? make("code", { text: part }) : part));
  return make("p", {}, ...parts);
}

/** Say something to those who do not see the page. */
export function announce(sentence) {
  document.getElementById("announced").textContent = sentence;
}
