// What must outlive this page is kept twice, and the newer copy wins. localStorage is written before a call leaves, so that a
// reload right after a click loses nothing, but reaches the disk only seconds later; IndexedDB is on the disk once it has answered,
// so that a browser that is killed loses nothing. Where both refuse, memory has to do.

import { Store } from "./store.js";

const DATABASE = "nearer";
const KEPT = "kept";
const PATIENCE_MS = 2000; // some browsers never answer in a third party's frame

export class Keeper {
  #key;
  #store;
  #database = opened();
  #stamp = 0;

  constructor(key) {
    this.#key = key;
    this.#store = new Store(key);
  }

  /** What was written last; null if nothing is kept. */
  async read() {
    const copies = [this.#store.read(), await this.#inDatabase("readonly", (kept) => kept.get(this.#key))].filter((copy) => copy?.stamp);
    const newest = copies.sort((a, b) => b.stamp - a.stamp)[0];
    return newest?.value ?? null;
  }

  write(value) {
    this.#stamp = Math.max(Date.now(), this.#stamp + 1);
    const copy = value === null ? null : { stamp: this.#stamp, value };
    this.#store.write(copy);
    this.#inDatabase("readwrite", (kept) => (copy === null ? kept.delete(this.#key) : kept.put(copy, this.#key)));
  }

  /** The request's result; undefined where the database does not work. */
  async #inDatabase(mode, ask) {
    try {
      const database = await this.#database;
      return database && (await answered(ask(database.transaction(KEPT, mode, { durability: "strict" }).objectStore(KEPT))));
    } catch {
      return undefined;
    }
  }
}

/** The database; null where the browser has none for this page. */
async function opened() {
  try {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(KEPT);
    return await Promise.race([answered(request), new Promise((resolve) => setTimeout(() => resolve(null), PATIENCE_MS))]);
  } catch {
    return null;
  }
}

function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
