// The page that classifies: photos come in, the server's answer is put in its place.

import { fillSimilar } from "./similar.js";
import { toast } from "./toast.js";
import { Tray } from "./tray.js";

const READY_MS = 1000;
const root = document.body.dataset.root;
const words = JSON.parse(document.getElementById("words").textContent);
const [form, drop, answer, history, loading, said, go, clear, title, description] = [
  "product", "drop", "answer", "history", "loading", "said", "go", "clear", "title", "description",
].map((id) => document.getElementById(id));
const start = [...answer.childNodes];
// what was asked for last is shown: a reply that comes late must not take its place
let asked = 0, taken = 0, refreshed = 0;

const say = (text) => { said.textContent = text; };
const tray = new Tray(document.getElementById("tray"), {
  words, say, mostPhotos: Number(form.dataset.mostPhotos), mostBytes: Number(form.dataset.mostBytes),
  refuse: (text) => toast(text, { bad: true }),
  onChange: () => {
    document.getElementById("drop-words").hidden = tray?.photos.length > 0;
    clear.hidden = !tray?.photos.length;
  },
});

// photos come in
for (const id of ["files", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => { tray.add(input.files); input.value = ""; });
}
addEventListener("dragover", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  // also beside the frame: a photo that misses it must not take the page's place
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
addEventListener("drop", (event) => {
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  drop.classList.remove("over");
  tray.add(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  tray.add(event.clipboardData.files);
});

// the answer
form.addEventListener("submit", (event) => { event.preventDefault(); classify(); });
document.getElementById("top").addEventListener("change", () => { if (answer.querySelector(".told") && hasProduct()) classify(); });
clear.addEventListener("click", reset);

function hasProduct() { return tray.files.length > 0 || title.value.trim() || description.value.trim(); }

function reset() {
  asked += 1;
  tray.clear();
  title.value = description.value = "";
  answer.replaceChildren(...start);
  answer.removeAttribute("aria-busy");
  say("");
}

async function classify() {
  if (!hasProduct()) { toast(words.nothing, { bad: true }); document.getElementById("files").focus(); return; }
  const mine = ++asked;
  const body = new FormData(form);
  for (const file of tray.files) body.append("photos", file, file.name);
  await shown(mine, () => fetch(`${root}classify`, { method: "POST", body }));
  refresh();
}

async function shown(mine, ask) {
  answer.setAttribute("aria-busy", "true");
  answer.replaceChildren(document.getElementById("waiting").content.cloneNode(true));
  say(words.asking);
  if (innerWidth <= 860) answer.scrollIntoView({ block: "start" });
  let response;
  try {
    if (form.dataset.state === "loading") await ready();
    response = await ask();
    while (response.status === 503 && mine === asked && form.dataset.state !== "missing") {
      await ready();
      response = await ask();
    }
  } catch { response = null; }
  if (mine !== asked) return;
  answer.removeAttribute("aria-busy");
  if (!response?.ok) { await failed(response); return; }
  answer.replaceChildren(...partOf(await response.text()));
  const told = answer.querySelector(".told");
  say(told.dataset.said);
  programs(answer.querySelector(".programs"));
  fillSimilar(answer);
}

async function failed(response) {
  const problem = await response?.json().catch(() => null);
  const box = document.createElement("div");
  box.className = "warning";
  box.textContent = words[`error_${response?.status}`] ?? (response ? words.error : words.offline);
  if (problem?.detail) {
    const detail = document.createElement("p");
    detail.className = "small soft";
    detail.textContent = problem.detail;
    box.append(detail);
  }
  answer.replaceChildren(box);
  say(box.textContent);
}

// the server's own templates, whose values are escaped
function partOf(text) { return [...new DOMParser().parseFromString(text, "text/html").body.childNodes]; }

async function ready() {
  loading.hidden = false;
  for (;;) {
    // not /readyz: browsers log its 503 as a fault of the page
    const response = await fetch(`${root}model-state`).catch(() => null);
    form.dataset.state = response?.ok ? await response.json() : "loading";
    if (form.dataset.state !== "loading") { loading.hidden = true; return; }
    await new Promise((wake) => setTimeout(wake, READY_MS));
  }
}
if (form.dataset.state === "loading") ready();

answer.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.example) take(`example?number=${button.dataset.example}`);
  else if (button.dataset.do === "random") take("random");
  else if (button.dataset.do === "another") { reset(); document.getElementById("files").focus(); }
  else if (button.dataset.copy) copy(answer.querySelector(`#${button.dataset.copy}`).textContent);
});
// a word and its frame
for (const [event, on] of [["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]]) {
  answer.addEventListener(event, ({ target }) => {
    const number = target.dataset?.word;
    for (const each of number ? answer.querySelectorAll(`[data-word="${number}"]`) : []) each.classList.toggle("on", on);
  });
}

async function take(path) {
  const mine = ++taken, before = asked;
  const response = await fetch(root + path).catch(() => null);
  const product = await response?.json().catch(() => null);
  if (mine !== taken || before !== asked) return;
  if (!response?.ok) { toast(product?.detail ?? words.offline, { bad: true }); return; }
  tray.clear();
  title.value = product.title;
  description.value = product.description;
  tray.add(product.photos.map(({ name, base64 }) =>
    new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name, { type: "image/jpeg" })));
  classify();
}

// the same for programs
function programs(box) {
  const { names, title: named, description: described, top } = box.dataset;
  const address = new URL(`${root}v1/predict`, location.href).href;
  const line = [`curl ${quoted(address)}`];
  if (document.getElementById("tokens").dataset.tokens) line.push(`-H 'Authorization: Bearer ${words.token}'`);
  for (const name of JSON.parse(names)) line.push(`-F ${quoted(`photos=@"${name.replace(/["\\]/g, "\\$&")}"`)}`);
  // form-string: curl would read a file for a title that begins with @ or <
  if (named) line.push(`--form-string ${quoted(`title=${named}`)}`);
  if (described) line.push(`--form-string ${quoted(`description=${described}`)}`);
  line.push(`-F top=${top}`);
  box.querySelector("#curl").textContent = line.join(" \\\n  ");
  box.addEventListener("toggle", async () => {
    const json = box.querySelector("#json");
    if (!box.open || json.textContent) return;
    const response = await fetch(root + json.dataset.link).catch(() => null);
    json.textContent = response?.ok ? JSON.stringify(await response.json(), null, 2) : words.offline;
  });
}

function quoted(text) { return `'${text.replaceAll("'", "'\\''")}'`; }

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(words.copied);
  } catch { toast(words.not_copied, { bad: true }); }
}

// the history
async function refresh() {
  const mine = ++refreshed;
  const response = await fetch(`${root}history`).catch(() => null);
  const text = response?.ok && await response.text().catch(() => null);
  if (text && mine === refreshed) { history.replaceChildren(...partOf(text)); times(); }
}

function times() {
  const shownAs = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });
  for (const time of history.querySelectorAll("time")) time.textContent = shownAs.format(new Date(time.dateTime));
}
times();

history.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.entry) {
    answer.scrollIntoView({ block: "nearest" });
    shown(++asked, () => fetch(`${root}answer?entry=${encodeURIComponent(button.dataset.entry)}`));
  } else {
    const key = button.dataset.forget;
    if (!key && !confirm(words.forget_sure)) return;
    await fetch(`${root}history${key ? `?entry=${encodeURIComponent(key)}` : ""}`, { method: "DELETE" }).catch(() => null);
    await refresh();
    toast(words.forgotten);
  }
});

// an example that was clicked on the instructions
const example = new URLSearchParams(location.search).get("example");
if (example) take(`example?number=${encodeURIComponent(example)}`);
