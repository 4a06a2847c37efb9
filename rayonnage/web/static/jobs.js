// Sends a file in parts: what has come stays, and the same file chosen again goes on where it was. What is sent to be
// learnt from, and not to be predicted, begins a fit when all of it is there.

const root = document.body.dataset.root;
const words = JSON.parse(document.getElementById("words").textContent);
const PART = 4 * 2 ** 20;
const TRIES = 5;
const by = id => document.getElementById(id);
const toLearn = by("send").hasAttribute("data-learn");
let stopped = false, busy = false;

const said = (key, values) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const language = document.documentElement.lang;
const sizeText = bytes => {
  const [unit, size, digits] = bytes >= 1e9 ? ["G", 1e9, 1] : bytes >= 1e6 ? ["M", 1e6, 1] : ["k", 1e3, 0];
  const number = (bytes / size).toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number}\u00a0${unit}${language === "fr" ? "o" : "B"}`;
};
const refresh = () => by("jobs").dispatchEvent(new Event("refresh"));

class Refused extends Error {}

async function asked(path, options) {
  const answer = await fetch(root + path, options);
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  if (answer.status >= 500 && answer.status !== 507) throw new Error(problem.detail);
  throw Object.assign(new Refused(problem.detail ?? answer.statusText), { status: answer.status });
}

async function jobFor(file) {
  const begun = (await asked("v1/jobs")).find(job =>
    ["uploading", "kept"].includes(job.state) && job.to_learn === toLearn && job.name === file.name && job.size === file.size);
  if (begun) return begun;
  const layout = by("layout").value || null;
  return asked("v1/jobs", { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: file.name, size: file.size, layout, to_learn: toLearn }) });
}

async function sendParts(job, file) {
  let offset = job.offset, failed = 0;
  while (offset < file.size && !stopped) {
    shown(file, offset);
    try {
      const part = file.slice(offset, offset + Math.min(PART, job.chunk_bytes));
      const path = `v1/jobs/${job.job_id}/upload`;
      offset = (await asked(path, { method: "PATCH", body: part, headers: {
        "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" } })).offset;
      failed = 0;
    } catch (error) {
      // another part of it came than we know, or the line broke: ask where it goes on
      if ((error instanceof Refused && error.status !== 409) || ++failed > TRIES) throw error;
      await new Promise(done => setTimeout(done, 500 * 2 ** failed));
      offset = (await asked(`v1/jobs/${job.job_id}`)).offset;
    }
  }
}

const beginFit = job => asked("v1/fits", { method: "POST", headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ upload: job.job_id, minutes: Number(by("minutes").value) || Number(by("own").value) || 1 }) });

function shown(file, offset) {
  by("sent").value = offset / file.size;
  by("sending-what").textContent = said("sending", { name: file.name, here: sizeText(offset), size: sizeText(file.size) });
}

async function send(file) {
  if (busy) return;
  busy = true;
  stopped = false;
  by("refused").hidden = true;
  try {
    if (!file.size) throw new Refused(said("empty", { name: file.name }));
    by("sending").hidden = false;
    shown(file, 0);
    const job = await jobFor(file);
    await sendParts(job, file);
    if (toLearn && !stopped) await beginFit(job);
  } catch (error) {
    by("refused").textContent = error instanceof Refused ? error.message : words.broken;
    by("refused").hidden = false;
  }
  busy = false;
  by("sending").hidden = true;
  by("file").value = "";
  refresh();
}

by("file").addEventListener("change", event => event.target.files[0] && send(event.target.files[0]));
by("stop").addEventListener("click", () => { stopped = true; });
if (!toLearn) by("send").addEventListener("submit", event => event.preventDefault());
const drop = by("drop");
for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, event => {
  event.preventDefault();
  drop.classList.add("over");
});
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", event => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
});
window.addEventListener("beforeunload", event => { if (busy) event.preventDefault(); });
