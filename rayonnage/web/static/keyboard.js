// Keys that do things: one table of keys, actions and words, for the page and for each dialog over it.

const DIGIT = /^(?:Digit|Numpad)([0-9])$/;
const LETTER = /^Key([A-Z])$/;
const TYPED_INTO = "input:not([type=range], [type=checkbox], [type=radio]), select, textarea, [contenteditable]";
const PRESSED_BY = { Enter: "button, a[href], summary, select, input", " ": "button, summary, select, input" };
const SWITCH = "rayonnage.keys";
const MOVED_BY_ARROWS = "input[type=range], input[type=radio], select";

/**
 * The names by which a table may know a key press, the likeliest first.
 *
 * What is typed comes first: `/` is Shift and 7 on a German keyboard. A digit is also known by its place, as a French
 * keyboard types `&` there without Shift; a letter by its place where the script is not Latin.
 */
export function namesOf(event) {
  const typed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const names = [typed];
  const digit = DIGIT.exec(event.code);
  if (digit) names.push(digit[1]);
  const letter = LETTER.exec(event.code);
  if (letter && event.key.length === 1 && event.key > "\u024f") names.push(letter[1].toLowerCase());
  return names;
}

/**
 * What a key was pressed on; the page itself where that lies in a closed dialog.
 *
 * Until the next frame the focus stays in a dialog that was closed: its button would swallow the Enter that follows.
 */
function pressedOn({ target }) {
  const isThere = target instanceof Element && !target.closest("dialog:not([open])");
  return isThere ? target : document.body;
}

/**
 * Listens to the whole page; a table is a list of `{keys, words, run, shown, repeats}`.
 *
 * `keys`: names as in KeyboardEvent.key, letters small; `run(key, event)`: what is done; `words`: for the help;
 * `shown`: how the help writes the keys; `repeats`: also while the key is held down, which else does nothing, or a key
 * held too long would answer product after product.
 */
export class Keyboard {
  constructor(table) {
    this.table = table;
    this.dialogs = new Map();
    this.enabled = true;
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** Keys that hold while a dialog is open, in place of the page's. */
  within(dialog, table) {
    this.dialogs.set(dialog, table);
  }

  /** A checkbox turns keys of one letter off: speech input and some assistive technology type them by accident. */
  followSwitch(box) {
    box.checked = this.enabled = localStorage.getItem(SWITCH) !== "off";
    box.addEventListener("change", () => {
      this.enabled = box.checked;
      localStorage.setItem(SWITCH, box.checked ? "on" : "off");
    });
  }

  /** Do what a key does: for buttons. */
  press(key) {
    this.#row(this.#current(), [key])?.run(key, null);
  }

  #current() {
    const open = [...document.querySelectorAll("dialog[open]")].at(-1);
    return open ? (this.dialogs.get(open) ?? []) : this.table;
  }

  #row(table, names) {
    for (const name of names) {
      const row = table.find((each) => each.keys.includes(name));
      if (row) return row;
    }
    return undefined;
  }

  #pressed(event) {
    // Control, Alt and Command are the browser's and the system's; AltGr types, and looks like both of the first
    const typing = event.getModifierState("AltGraph");
    if (event.defaultPrevented || event.isComposing || event.metaKey) return;
    if ((event.ctrlKey || event.altKey) && !typing) return;
    if (!this.enabled && event.key.length === 1) return;
    const target = pressedOn(event);
    if (target.closest(TYPED_INTO)) return;
    if (PRESSED_BY[event.key] && target.closest(PRESSED_BY[event.key])) return;
    if (event.key.startsWith("Arrow") && target.closest(MOVED_BY_ARROWS)) return;
    const names = namesOf(event);
    const row = this.#row(this.#current(), names);
    if (!row) return;
    event.preventDefault();
    if (event.repeat && !row.repeats) return;
    row.run(names.find((name) => row.keys.includes(name)), event);
  }
}

/** The help's list of a table: keys and words. */
export function helpList(table) {
  const list = document.createElement("dl");
  list.className = "keys";
  for (const row of table.filter((each) => each.words)) {
    const keys = document.createElement("dt");
    for (const name of row.shown ?? row.keys) {
      const key = document.createElement("kbd");
      key.textContent = name;
      keys.append(key, " ");
    }
    const words = document.createElement("dd");
    words.textContent = row.words;
    list.append(keys, words);
  }
  return list;
}
