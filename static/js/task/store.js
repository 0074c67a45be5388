// A little memory that outlives a reload, where the browser allows it; where it throws, it lasts as long as the page.

export class Store {
  #key;
  #memory = null;

  constructor(key) {
    this.#key = key;
  }

  read() {
    try {
      const text = localStorage.getItem(this.#key);
      return text === null ? this.#memory : JSON.parse(text);
    } catch {
      return this.#memory;
    }
  }

  write(value) {
    this.#memory = value;
    try {
      if (value === null) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, JSON.stringify(value));
    } catch {
      // Private mode, a third party's frame, a full disk: the value above is what there is.
    }
  }
}
