// The review side by side: one marks what is wrong, and confirms the rest with one key.

import { helpList, Keyboard } from "./keyboard.js";
import { ReviewApi } from "./review_api.js";
import { Bulk } from "./review_bulk.js";
import { Loupe } from "./review_loupe.js";
import { Notices } from "./review_notices.js";
import { Outbox, UNDO } from "./review_outbox.js";
import { photoLink } from "./review_photos.js";
import { showProgress } from "./review_progress.js";
import { announce, make, path, pathBlock, say, share, withCommands } from "./review_words.js";

// what waits is seldom surer: the surest were accepted
const SURE = 0.5;
const RENEWED_MS = 45_000;
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
const element = (id) => document.getElementById(id);
const api = new ReviewApi(element("review").dataset.predictions);
const list = element("groups").querySelector(".list");
const tiles = element("grid").querySelector(".tiles");
const confirmButton = element("grid").querySelector("[data-key=Confirm]");
const history = [];
let group = null;
let cards = [];
let confirming = false;
// of views that were asked for, the latest is shown: a reply that comes late must not take its place
let asked = 0;

const keyboard = new Keyboard([
  { keys: ARROWS, shown: ["←", "→", "↑", "↓"], words: say("key_move"), repeats: true, run: move },
  { keys: [" "], shown: ["␣"], words: say("key_mark"), run: () => {} },
  { keys: ["Enter"], shown: [say("enter")], words: say("key_confirm"), run: confirm },
  { keys: ["Confirm"], run: confirm },
  { keys: ["b"], words: say("key_bulk"), run: () => sureOnes(group ?? focusedGroup()) },
  { keys: ["u"], words: say("key_undo"), run: undo },
  { keys: ["Escape"], shown: ["Esc"], words: say("key_back"), run: () => group && leave() },
  { keys: ["?"], words: say("key_help"), run: () => element("help").showModal() },
]);
const bulk = new Bulk(element("bulk"), api, keyboard);
const loupe = new Loupe(element("loupe"), tiles, (tile) => cards[[...tiles.children].indexOf(tile)]);
const outbox = new Outbox(api, { onAnswered, onRefused, onState: (state) => notices.show(state) });
const notices = new Notices(element("notices"), () => outbox.retry());

function failed(error) {
  element("groups").hidden = true;
  element("grid").hidden = true;
  element("failed").hidden = false;
  element("failed").replaceChildren(withCommands(error.message));
  if (error.retriable) setTimeout(groups, 3000);
}

/** The list of suggestions, the one that most wait for first. */
async function groups(focusOn = 0) {
  group = null;
  const mine = ++asked;
  try {
    const [found, progress] = await Promise.all([api.get("/groups", { min_confidence: SURE }), api.get("")]);
    if (mine !== asked) return;
    showProgress(element("progress"), progress);
    element("failed").hidden = true;
    element("grid").hidden = true;
    element("groups").hidden = !found.length;
    element("empty").hidden = Boolean(found.length);
    list.replaceChildren(...found.map(groupRow));
    list.setAttribute("aria-busy", "false");
    list.querySelectorAll(".open")[Math.min(focusOn, found.length - 1)]?.focus();
    if (!found.length) announce(element("empty").querySelector("h2").textContent);
  } catch (error) {
    if (mine === asked) failed(error);
  }
}

function groupRow(each, place) {
  const open = make("button", { type: "button", class: "open" }, pathBlock(each.suggestion.path));
  open.append(make("span", { class: "n", text: say("group_waiting", { n: each.waiting }) }));
  open.append(make("span", { class: "n soft", text: say("group_sure", { n: each.sure, share: share(SURE) }) }));
  open.addEventListener("click", () => enter({ ...each, place }));
  const row = make("div", { class: "group" }, open);
  const label = say("group_bulk_of", { path: each.suggestion.path.at(-1) });
  const sure = make("button", { type: "button", text: say("group_bulk"), "aria-label": label });
  sure.addEventListener("click", () => sureOnes({ ...each, place }));
  row.append(sure);
  row.group = { ...each, place };
  return row;
}

function focusedGroup() {
  return document.activeElement?.closest(".group")?.group ?? null;
}

async function enter(chosen) {
  group = chosen;
  const mine = ++asked;
  element("groups").hidden = true;
  element("grid").hidden = false;
  element("grid-title").textContent = path(chosen.suggestion.path);
  tiles.replaceChildren();
  confirmButton.disabled = true;
  confirmButton.textContent = say("grid_loading", { path: chosen.suggestion.path.at(-1) });
  window.scrollTo(0, 0);
  try {
    const next = await api.post("/grid", { category_id: chosen.suggestion.category_id });
    if (mine !== asked) return;
    showProgress(element("progress"), next.progress);
    if (next.cards.length) lay(next.cards);
    else await leave();
  } catch (error) {
    if (mine !== asked) return;
    if (error.status !== 409) failed(error);
    else {
      notices.tell(error.message);
      await groups(chosen.place);
    }
  }
}

function lay(laid) {
  cards = laid;
  tiles.replaceChildren(...cards.map(tile));
  roving(tiles.firstElementChild);
  tiles.firstElementChild?.focus({ preventScroll: true });
  count();
  announce(`${path(group.suggestion.path)}. ${confirmButton.textContent}`);
}

function tile(card) {
  const title = card.title || say("untitled", { id: card.product_id });
  const sure = card.suggestion.probability ?? null;
  const name = sure === null ? title : say("tile", { title, share: share(sure) });
  const shown = make("button", { type: "button", class: "tile", "aria-pressed": "false", "aria-label": name });
  const [first] = card.photos;
  if (first) shown.append(make("img", { src: photoLink(first, 480), alt: "", width: 138, height: 138 }));
  else shown.append(make("span", { class: "none" }));
  shown.append(make("span", { class: "name", text: name }));
  if (card.photos.length > 1) shown.append(make("span", { class: "count", text: String(card.photos.length) }));
  shown.addEventListener("click", () => {
    const wrong = shown.getAttribute("aria-pressed") !== "true";
    shown.setAttribute("aria-pressed", String(wrong));
    shown.setAttribute("aria-label", wrong ? say("tile_wrong", { title }) : name);
    shown.querySelector(".mark")?.remove();
    if (wrong) shown.append(make("span", { class: "mark", text: say("wrong") }));
    count();
  });
  // Enter confirms all, it does not press the one product that has the focus
  shown.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) confirm();
  });
  shown.addEventListener("focus", () => roving(shown));
  return shown;
}

/** One tile is reached by Tab, the others by arrows. */
function roving(shown) {
  for (const each of tiles.children) each.tabIndex = each === shown ? 0 : -1;
}

const wrongOnes = () => [...tiles.children].map((each) => each.getAttribute("aria-pressed") === "true");

function count() {
  const wrong = wrongOnes().filter(Boolean).length;
  const n = cards.length - wrong;
  const words = wrong ? say("grid_confirm", { n, wrong }) : say("grid_confirm_all", { n });
  confirmButton.replaceChildren(words, make("kbd", { "aria-hidden": "true", text: "↵" }));
  confirmButton.disabled = !cards.length;
}

function move(key) {
  const all = [...(group ? tiles.children : list.querySelectorAll(".open"))];
  const here = all.indexOf(document.activeElement);
  if (here < 0) {
    all[0]?.focus();
    return;
  }
  const across = group ? all.filter((each) => each.offsetTop === all[0].offsetTop).length : 1;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[key];
  all[here + step]?.focus();
}

function confirm() {
  if (!group || !cards.length || confirmButton.disabled) return;
  const wrong = wrongOnes();
  const ids = (marked) => cards.filter((_, place) => wrong[place] === marked).map((card) => card.product_id);
  const body = { category_id: group.suggestion.category_id, right: ids(false), wrong: ids(true) };
  outbox.push({ place: "/grid/answers", body, group });
  confirmButton.disabled = confirming = true;
  cards = [];
  tiles.replaceChildren();
}

async function sureOnes(chosen) {
  if (!chosen) return;
  const done = await bulk.ask({ category_id: chosen.suggestion.category_id, min_confidence: SURE });
  if (!done) return;
  history.push(done.act);
  notices.tell(say("bulk_done", { n: done.count }));
  if (group) await enter(group);
  else await groups(chosen.place);
}

function undo() {
  outbox.push({ place: UNDO, body: { act: history.pop() ?? null } });
}

/** Others may have what lies here. */
function leave() {
  release();
  return groups(group?.place);
}

function release() {
  if (cards.length) api.release(cards.map((card) => card.product_id));
  cards = [];
}

async function onAnswered(item, done) {
  showProgress(element("progress"), done.progress);
  if (item.place === UNDO) {
    notices.tell(say("undone_many", { n: done.count }));
    // products that were marked meanwhile stay as they are
    if (!group) await groups();
    else if (!wrongOnes().some(Boolean)) await enter(group);
    return;
  }
  // all marked: nothing was confirmed, so there is nothing to take back
  if (done.count) history.push(done.act);
  confirming = false;
  const out = done.left_out ? ` ${say("grid_left_out", { n: done.left_out })}` : "";
  notices.tell(say("grid_done", { n: done.count, wrong: item.body.wrong.length }) + out);
  if (group && group === item.group) await enter(group);
}

function onRefused(item, error) {
  notices.tell(say(item.place === UNDO ? "undo_refused" : "refused_late", { why: error.message }), { bad: true });
  if (!confirming) return;
  confirming = false;
  if (group) enter(group);
}

for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", () => keyboard.press(button.dataset.key));
}
element("help").querySelector(".keys-place").append(helpList(keyboard.table));
keyboard.followSwitch(element("single-keys"));
keyboard.within(element("help"), [{ keys: ["?"], run: () => element("help").close() }]);
element("predictions")?.addEventListener("change", (event) => event.target.form.submit());
window.addEventListener("pagehide", release);
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(() => {
  if (document.hidden || !cards.length) return;
  const held = cards.map((card) => card.product_id);
  const giveBack = ({ cards: [extra] }) => extra && api.release([extra.product_id]);
  api.post("/next", { count: 1, held }).then(giveBack).catch(() => {});
}, RENEWED_MS);
outbox.restore();
groups();
