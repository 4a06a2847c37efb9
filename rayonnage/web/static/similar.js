// Similar products: searched for after the page is shown, and put where room was kept for them.

const TRIES = 5;
const root = document.body.dataset.root;

/** Fills the place for similar products within an element, if there is one. */
export async function fillSimilar(within) {
  const place = within.querySelector("[data-similar]");
  if (!place) return;
  const nodes = await found(place);
  // another answer may have taken its page's place meanwhile
  if (!place.isConnected) return;
  place.replaceChildren(...(nodes ?? [sentence(place.dataset.failed)]));
  place.removeAttribute("aria-busy");
}

async function found(place) {
  for (let n = 0; n < TRIES && place.isConnected; n += 1) {
    const response = await fetch(root + place.dataset.similar).catch(() => null);
    // the server's own template, whose values are escaped
    if (response?.ok) return [...new DOMParser().parseFromString(await response.text(), "text/html").body.childNodes];
    if (response?.status !== 503) return null;
    const seconds = Number(response.headers.get("Retry-After")) || 2;
    await new Promise((wake) => setTimeout(wake, 1000 * seconds));
  }
  return null;
}

function sentence(text) {
  const line = document.createElement("p");
  line.className = "small soft";
  line.textContent = text;
  return line;
}
