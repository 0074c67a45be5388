// Keys for everything, and a switch for those that are letters, digits or signs.

import { Store } from "./store.js";

const COMMANDS = { u: "undo", Backspace: "undo", c: "marks", z: "zoom", "?": "help" };

export class Keyboard {
  #store = new Store("nearer:letter-keys");
  #handlers;
  #isPaused;

  /** @param handlers {answer(key) -> bool, command(name), confirm() -> bool} */
  constructor({ handlers, isPaused, letterSwitch }) {
    this.#handlers = handlers;
    this.#isPaused = isPaused;
    letterSwitch.checked = this.#lettersWork;
    letterSwitch.addEventListener("change", () => this.#store.write(letterSwitch.checked));
    document.addEventListener("keydown", (event) => this.#pressed(event));
  }

  get #lettersWork() {
    return this.#store.read() !== false;
  }

  #pressed(event) {
    if (event.repeat && (event.key === "Enter" || event.key === " ") && event.target.closest?.("button")) event.preventDefault();
    if (event.repeat || event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.target.closest?.("textarea, select, input:not([type=checkbox])") || this.#isPaused()) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key.length === 1 && key !== " " && !this.#lettersWork) return;
    if (key === "Enter" && !event.target.closest?.("button, a, summary")) {
      if (this.#handlers.confirm()) event.preventDefault();
      return;
    }
    if (this.#handlers.answer(key)) event.preventDefault();
    else if (COMMANDS[key]) {
      event.preventDefault();
      this.#handlers.command(COMMANDS[key]);
    }
  }
}
