// Short messages at the foot of any page: `toast("Copied.")`; one that offers something: `toast(text, {label, action})`.

const SHOWN_MS = 6000;

export function toast(text, { bad = false, label = "", action = null } = {}) {
  const shown = document.createElement("div");
  shown.className = bad ? "toast bad" : "toast";
  const words = document.createElement("span");
  words.textContent = text;
  shown.append(words);
  const end = () => shown.remove();
  // the same twice says no more: the newer one stays
  const others = action ? [] : document.querySelectorAll("#toasts > *");
  for (const other of others) if (other.textContent === text) other.remove();
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => { end(); action(); });
    shown.append(button);
  }
  document.getElementById("toasts").append(shown);
  let timer = setTimeout(end, SHOWN_MS);
  // who reads it slowly, or reaches for its button, keeps it
  for (const [hold, leave] of [["pointerenter", "pointerleave"], ["focusin", "focusout"]]) {
    shown.addEventListener(hold, () => clearTimeout(timer));
    shown.addEventListener(leave, () => { clearTimeout(timer); timer = setTimeout(end, SHOWN_MS); });
  }
  return end;
}
