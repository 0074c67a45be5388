// Pictures, fetched and decoded before they are needed, and asked for again when they do not come.

export class Gallery {
  #ready = new Map();
  #onTrouble;

  constructor(onTrouble = () => {}) {
    this.#onTrouble = onTrouble;
  }

  /** A decoded image of this address; the same promise for the same address, and it never fails. */
  get(url) {
    if (!this.#ready.has(url)) this.#ready.set(url, this.#load(url));
    return this.#ready.get(url);
  }

  async #load(url) {
    for (let attempt = 0; ; attempt += 1) {
      const image = new Image();
      image.alt = "";
      image.decoding = "sync";
      image.draggable = false;
      image.src = url;
      try {
        await image.decode();
        this.#onTrouble(url, false);
        return image;
      } catch {
        this.#onTrouble(url, true);
        await new Promise((resolve) => setTimeout(resolve, Math.min(15_000, 700 * 2 ** attempt)));
      }
    }
  }
}
