// The label corrected on a product's page: a type-ahead, an answer to the review's journal, and its undoing.

import { fillSimilar } from "./similar.js";

const words = JSON.parse(document.getElementById("words").textContent);
const box = document.getElementById("correction");
const product = JSON.parse(box.dataset.product);
const root = document.body.dataset.root;
const [input, list, said, confirm, undo] = ["category", "found", "said", "confirm", "undo"].map((id) =>
  document.getElementById(id),
);
const PAUSE_MS = 40;
const SHOWN = 10;
let found = [];
let place = 0;
let timer = 0;
let asking = null;
let act = null;

function say(text) {
  said.textContent = text;
}

/** The server's answer as JSON; throws an error that says what is wrong. */
async function served(path, options = {}) {
  const asked = product.predictions ? `${path}${path.includes("?") ? "&" : "?"}predictions=${encodeURIComponent(product.predictions)}` : path;
  const response = await fetch(root + asked, options);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail ?? words.failed);
  return body;
}

function send(path, content) {
  return served(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
}

function mark(next) {
  place = next;
  for (const [each, option] of [...list.children].entries()) option.setAttribute("aria-selected", String(each === place));
  const marked = list.children[place];
  marked?.scrollIntoView({ block: "nearest" });
  if (marked) input.setAttribute("aria-activedescendant", marked.id);
  else input.removeAttribute("aria-activedescendant");
}

function show(categories) {
  found = categories;
  list.replaceChildren(
    ...found.map((category, number) => {
      const option = document.createElement("li");
      option.id = `found-${number}`;
      option.setAttribute("role", "option");
      const name = document.createElement("strong");
      name.textContent = category.path.at(-1);
      const above = document.createElement("span");
      above.className = "small soft";
      above.textContent = category.path.slice(0, -1).join(" › ");
      option.append(name, above);
      option.addEventListener("click", () => answer("category", category));
      return option;
    }),
  );
  list.hidden = !found.length;
  input.setAttribute("aria-expanded", String(found.length > 0));
  mark(0);
}

async function search() {
  const text = input.value.trim();
  asking?.abort();
  if (!text) return show([]);
  asking = new AbortController();
  try {
    show(await served(`v1/tree/search?q=${encodeURIComponent(text)}&limit=${SHOWN}`, { signal: asking.signal }));
    say(found.length ? "" : words.none_found);
  } catch (error) {
    if (error.name !== "AbortError") say(error.message);
  }
}

async function answer(kind, category) {
  confirm.disabled = true;
  try {
    const kept = await send("v1/review/answers", {
      product_id: product.id,
      kind,
      suggested: product.suggested,
      category_id: category?.category_id ?? null,
      anew: true,
    });
    act = kept.act;
    undo.hidden = false;
    input.value = "";
    show([]);
    say(words.kept.replace("{path}", (category?.path ?? [words.confirm]).join(" › ")));
  } catch (error) {
    say(error.message);
  }
  confirm.disabled = false;
}

input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(search, PAUSE_MS);
});
input.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && found.length) {
    event.preventDefault();
    mark((place + step + found.length) % found.length);
  } else if (event.key === "Enter" && found[place] && !event.isComposing && !event.repeat) {
    answer("category", found[place]);
  } else if (event.key === "Escape") show([]);
});
confirm.addEventListener("click", () => answer("accept", null));
undo.addEventListener("click", async () => {
  try {
    await send("v1/review/undo", { act });
    undo.hidden = true;
    say(words.undone);
  } catch (error) {
    say(error.message);
  }
});
fillSimilar(document);
