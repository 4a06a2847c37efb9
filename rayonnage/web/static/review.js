// The review one by one: from a key to the next product painted in under 100 ms, the answer sent behind.

import { helpList, Keyboard } from "./keyboard.js";
import { ReviewApi } from "./review_api.js";
import { Bulk } from "./review_bulk.js";
import { answerWords, CardView } from "./review_card.js";
import { Deck } from "./review_deck.js";
import { measurePainted } from "./review_measure.js";
import { Notices } from "./review_notices.js";
import { Outbox, UNDO } from "./review_outbox.js";
import { Zoom } from "./review_photos.js";
import { showProgress } from "./review_progress.js";
import { Search } from "./review_search.js";
import { announce, path, say, share, withCommands } from "./review_words.js";

const RENEWED_MS = 45_000;
const element = (id) => document.getElementById(id);
const settings = element("review").dataset;
const api = new ReviewApi(settings.predictions);
const history = [];
let forCopies = false;

const keyboard = new Keyboard([
  { keys: ["Enter"], shown: [say("enter")], words: say("key_accept"), run: accept },
  { keys: [..."123456789"], shown: ["1", "…", "9"], words: say("key_candidate"), run: (key) => candidate(key - 1) },
  { keys: ["p"], words: say("key_parent"), run: parentOnly },
  { keys: ["/"], words: say("key_search"), run: search },
  { keys: ["n"], words: say("key_none"), run: () => mayAnswer() && element("none").showModal() },
  { keys: ["c"], words: say("key_copies"), run: toggleCopies },
  { keys: ["s"], words: say("key_skip"), run: () => answer({ kind: "skip" }) },
  { keys: ["u"], words: say("key_undo"), run: undo },
  { keys: ["ArrowRight", "ArrowLeft"], shown: ["←", "→"], words: say("key_look"), repeats: true, run: look },
  { keys: ["z"], words: say("key_zoom"), run: () => deck.current && zoom.open(deck.current.card, 0) },
  { keys: ["?"], words: say("key_help"), run: () => element("help").showModal() },
  { keys: ["Escape"], run: backToWaiting },
]);
const zoom = new Zoom(element("zoom"), keyboard);
const searching = new Search(element("search"), api);
const bulk = new Bulk(element("bulk"), api, keyboard);
const view = new CardView(element("product"), (key) => keyboard.press(key));
const outbox = new Outbox(api, { onAnswered, onRefused, onState: (state) => notices.show(state) });
const notices = new Notices(element("notices"), () => outbox.retry());
const deck = new Deck(api, {
  audit: settings.mode === "audit",
  onZoom: (place) => zoom.open(deck.current.card, place),
  onMore: (progress) => {
    progressed(progress);
    element("failed").hidden = true;
    // what is on the table stays as it is: only an empty table is filled
    if (!onTable || !deck.current) show();
  },
  onError: noMore,
});
let onTable = null;
let answeredAt = null;

function show(since = null) {
  const entry = deck.current;
  if (entry !== onTable) forCopies = false;
  onTable = entry;
  element("product").hidden = !entry;
  element("bar").hidden = !entry;
  element("empty").hidden = Boolean(entry) || !deck.isEnd;
  element("loading").hidden = Boolean(entry) || deck.isEnd;
  if (entry) {
    view.show(entry, { forCopies });
    window.scrollTo(0, 0);
    announceProduct(entry.card);
  } else if (deck.isEnd) {
    announce(element("empty").textContent.trim());
  }
  // where the next product is still to come, its time runs on
  answeredAt = since ?? answeredAt;
  if (answeredAt === null || !entry) return;
  measurePainted(entry.ready, answeredAt);
  answeredAt = null;
}

function announceProduct({ title, product_id: id, suggestion, copies }) {
  const name = title || say("untitled", { id });
  const sure = suggestion.probability ?? null;
  const more = copies > 1 ? ` ${say("copies", { n: copies })}` : "";
  announce(say("announce", { name, path: path(suggestion.path), share: sure === null ? "" : share(sure) }) + more);
}

function progressed(progress) {
  if (progress) showProgress(element("progress"), progress);
}

function mayAnswer() {
  const entry = deck.current;
  if (!entry) return false;
  if (entry.answer) notices.tell(say("answered_already"));
  return !entry.answer;
}

function answer(given) {
  if (!mayAnswer()) return;
  const since = window.event?.timeStamp ?? performance.now();
  const entry = deck.current;
  const { path: _, ...body } = given;
  const suggested = entry.card.suggestion.category_id;
  const { product_id } = entry.card;
  const item = { place: "/answers", body: { product_id, suggested, anew: entry.isConflict, ...body }, entry };
  Object.assign(entry, { answer: given, item, note: "", isUnderWay: true });
  history.push(entry);
  deck.advance();
  show(since);
  outbox.push(item);
}

function accept() {
  if (deck.current?.answer) backToWaiting();
  else if (deck.current) category(deck.current.card.suggestion, "accept");
}

function candidate(place) {
  const chosen = deck.current?.card.candidates[place];
  if (chosen) category(chosen, "category");
}

function category(chosen, kind) {
  if (!mayAnswer()) return;
  if (forCopies) answerCopies(chosen);
  else answer({ kind, path: chosen.path, ...(kind === "category" && { category_id: chosen.category_id }) });
}

function parentOnly() {
  const parent = deck.current?.card.parent;
  if (parent) answer({ kind: "parent", level: parent.level, path: parent.path });
}

async function search() {
  if (!mayAnswer()) return;
  const chosen = await searching.ask(deck.current.card);
  if (chosen) category(chosen, "category");
}

function toggleCopies() {
  if (!mayAnswer() || deck.current.card.copies < 2) return;
  forCopies = !forCopies;
  view.show(deck.current, { forCopies });
  announce(say(forCopies ? "copies_on" : "copies_off", { n: deck.current.card.copies }));
}

async function answerCopies(chosen) {
  const { card } = deck.current;
  const done = await bulk.ask({ copies_of: card.product_id, answer_id: chosen.category_id });
  if (!done) return;
  notices.tell(say("bulk_done", { n: done.count }));
  history.push({ act: done.act });
  progressed(done.progress);
  await deck.refill();
  show();
}

function undo() {
  const entry = deck.current?.answer ? deck.current : history.at(-1);
  const place = history.indexOf(entry);
  if (place >= 0) history.splice(place, 1);
  if (!entry?.card) {
    outbox.push({ place: UNDO, body: { act: entry?.act ?? null } });
    return;
  }
  const words = answerWords(entry.answer);
  if (entry.isUnderWay) outbox.withdraw(entry.item);
  else outbox.push({ place: UNDO, body: { act: entry.act }, entry });
  entry.isUnderWay = false;
  deck.toTable(entry);
  show();
  notices.tell(say("undone", { words }));
}

function look(key) {
  if (deck.look(key === "ArrowRight" ? 1 : -1)) show();
}

function backToWaiting() {
  if (!deck.current?.answer) return;
  deck.advance();
  show();
}

function onAnswered({ place, entry }, done) {
  if (entry && place !== UNDO) Object.assign(entry, { isUnderWay: false, act: done.act });
  if (place === UNDO && !entry) {
    deck.takeBack(done.cards);
    notices.tell(say("undone_many", { n: done.count }));
    show();
  }
  progressed(done.progress);
  // answers that another visit to the page left are counted, no more
  if (place !== UNDO && !entry) notices.tell(say("sent_late"));
}

function onRefused(item, error) {
  const { entry, place } = item;
  if (item.withdrawn) return;
  if (place === UNDO || !entry) {
    notices.tell(say(place === UNDO ? "undo_refused" : "refused_late", { why: error.message }), { bad: true });
    return;
  }
  entry.isUnderWay = false;
  if (history.includes(entry)) history.splice(history.indexOf(entry), 1);
  const title = entry.card.title || say("untitled", { id: entry.card.product_id });
  // who has seen what somebody else said may say otherwise
  entry.isConflict = error.status === 409;
  deck.comesNext(entry, say(entry.isConflict ? "not_kept_conflict" : "not_kept", { why: error.message }));
  notices.tell(say("comes_back", { title, why: error.message }), { bad: true });
  if (!onTable || onTable === entry) show();
}

function noMore(error) {
  if (deck.current) {
    notices.tell(say("no_more", { why: error.message }), { bad: true });
    return;
  }
  element("loading").hidden = true;
  element("failed").hidden = false;
  element("failed").replaceChildren(withCommands(error.message));
  if (error.retriable) setTimeout(() => deck.fill(), 3000);
}

for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", (event) => {
    // a button that was clicked would take the next Enter for itself
    if (event.detail) element("product").focus({ preventScroll: true });
    keyboard.press(button.dataset.key);
  });
}
const reasons = ["wrong_photos", "no_such_category", "no_product"];
function none(place) {
  element("none").close();
  answer({ kind: "none", why_none: reasons[place] });
}
keyboard.within(element("none"), [{ keys: ["1", "2", "3"], run: (key) => none(Number(key) - 1) }]);
for (const [place, button] of element("none").querySelectorAll("[data-reason]").entries()) {
  button.addEventListener("click", () => none(place));
}
element("help").querySelector(".keys-place").append(helpList(keyboard.table));
keyboard.followSwitch(element("single-keys"));
keyboard.within(element("help"), [{ keys: ["?"], run: () => element("help").close() }]);
element("predictions")?.addEventListener("change", (event) => event.target.form.submit());
window.addEventListener("pagehide", () => api.release(deck.waiting.map((entry) => entry.card.product_id)));
// from the browser's memory comes a page whose products others may have by now
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(() => document.hidden || (deck.current ? deck.renew() : deck.fill()), RENEWED_MS);
outbox.restore();
deck.fill();
