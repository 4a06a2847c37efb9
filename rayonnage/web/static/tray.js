// The photos that were chosen, in order: previews that are dragged, moved by buttons, and removed.

export class Tray {
  constructor(list, { words, mostPhotos, mostBytes, onChange, say, refuse }) {
    Object.assign(this, { list, words, mostPhotos, mostBytes, onChange, say, refuse });
    this.photos = [];
    this.tile = document.getElementById("tile");
    list.addEventListener("click", (event) => this.#pressed(event));
    list.addEventListener("pointerdown", (event) => this.#grabbed(event));
    list.addEventListener("dragstart", (event) => event.preventDefault());
  }

  get files() { return this.photos.map((photo) => photo.file); }

  add(files) {
    for (const file of files) {
      if (!file.type.startsWith("image/") && !/\.(heic|heif|avif|webp|jpe?g|png|gif|bmp|tiff?)$/i.test(file.name)) {
        this.refuse(this.words.no_photo.replace("{name}", file.name));
      } else if (file.size > this.mostBytes) {
        this.refuse(this.words.too_large.replace("{name}", file.name).replace("{n}", Math.floor(this.mostBytes / 2 ** 20)));
      } else if (this.photos.length >= this.mostPhotos) {
        this.refuse(this.words.too_many.replace("{n}", this.mostPhotos));
        break;
      } else {
        this.#append(file);
      }
    }
    this.#changed();
  }

  clear() {
    for (const photo of this.photos) { URL.revokeObjectURL(photo.url); photo.item.remove(); }
    this.photos = [];
    this.#changed();
  }

  #append(file) {
    const item = this.tile.content.firstElementChild.cloneNode(true);
    const photo = { file, item, url: URL.createObjectURL(file) };
    const image = item.querySelector("img");
    image.src = photo.url;
    // not every browser shows HEIC; the server reads it all the same
    image.addEventListener("error", () => { image.alt = file.name; });
    this.photos.push(photo);
    this.list.append(item);
  }

  #changed() {
    this.photos.forEach((photo, place) => {
      photo.item.style.order = "";
      photo.item.querySelector(".place").textContent = place === 0 ? this.words.main_photo : String(place + 1);
      photo.item.querySelector("img").alt = `${this.words.photo_n.replace("{n}", place + 1)}: ${photo.file.name}`;
      for (const button of photo.item.querySelectorAll("button")) {
        const does = button.dataset.do;
        button.setAttribute("aria-label", this.words[`move_${does}`].replace("{n}", place + 1));
        button.disabled = (does === "before" && place === 0) || (does === "after" && place === this.photos.length - 1);
      }
    });
    this.onChange();
  }

  #place(item) { return this.photos.findIndex((photo) => photo.item === item); }

  #move(from, to) {
    const [photo] = this.photos.splice(from, 1);
    this.photos.splice(to, 0, photo);
  }

  #settle() {
    this.list.append(...this.photos.map((photo) => photo.item));
    this.#changed();
  }

  #pressed(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const item = button.closest("li"), place = this.#place(item), does = button.dataset.do;
    if (does === "remove") {
      URL.revokeObjectURL(this.photos[place].url);
      this.photos.splice(place, 1);
      item.remove();
      this.#changed();
      this.say(this.words.removed.replace("{n}", place + 1));
      (this.photos[Math.min(place, this.photos.length - 1)]?.item.querySelector("[data-do=remove]")
        ?? document.getElementById("files")).focus();
      return;
    }
    const to = place + (does === "before" ? -1 : 1);
    this.#move(place, to);
    this.#settle();
    this.say(this.words.moved.replace("{n}", place + 1).replace("{to}", to + 1));
    // the button at an end is disabled, and would let the focus fall to nowhere
    (button.disabled ? item.querySelector("button:not(:disabled)") : button).focus();
  }

  #grabbed(event) {
    if (event.target.tagName !== "IMG" || event.button !== 0 || this.photos.length < 2) return;
    const item = event.target.closest("li"), start = this.#place(item);
    item.classList.add("held");
    const move = (moved) => {
      const over = document.elementFromPoint(moved.clientX, moved.clientY)?.closest("#tray li");
      if (!over || over === item) return;
      this.#move(this.#place(item), this.#place(over));
      // the list is put in order when it is let go: an element that is moved meanwhile loses the finger on it
      this.photos.forEach((photo, place) => { photo.item.style.order = place; });
    };
    const end = () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", end);
      document.removeEventListener("pointercancel", end);
      item.classList.remove("held");
      const place = this.#place(item);
      this.#settle();
      if (place !== start) this.say(this.words.moved.replace("{n}", start + 1).replace("{to}", place + 1));
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", end);
    document.addEventListener("pointercancel", end);
  }
}
