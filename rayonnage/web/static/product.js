// The label corrected on a product's page: a type-ahead, an answer to the review's journal, and its undoing.

import { fillSimilar } from "./similar.js";
import { TypeAhead } from "./typeahead.js";

const words = JSON.parse(document.getElementById("words").textContent);
const box = document.getElementById("correction");
const product = JSON.parse(box.dataset.product);
const root = document.body.dataset.root;
const [input, list, said, confirm, undo] = ["category", "found", "said", "confirm", "undo"].map((id) =>
  document.getElementById(id),
);
const SHOWN = 10;
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

function drawn(category) {
  const name = document.createElement("strong");
  name.textContent = category.path.at(-1);
  const above = document.createElement("span");
  above.className = "small soft";
  above.textContent = category.path.slice(0, -1).join(" › ");
  return [name, above];
}

const typeahead = new TypeAhead(input, list, {
  pauseMs: 40,
  find: (text, signal) => served(`v1/tree/search?q=${encodeURIComponent(text)}&limit=${SHOWN}`, { signal }),
  drawn,
  onShown: (found, text) => say(text && !found.length ? words.none_found : ""),
  onFailed: (error) => say(error.message),
  onChosen: (category) => answer("category", category),
});

async function answer(kind, category) {
  if (confirm.disabled) return;
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
    typeahead.begin();
    say(words.kept.replace("{path}", (category?.path ?? [words.confirm]).join(" › ")));
  } catch (error) {
    say(error.message);
  }
  confirm.disabled = false;
}

input.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) typeahead.begin();
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
