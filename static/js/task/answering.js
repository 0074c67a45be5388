// Two buttons and their keys. They answer only after a short delay, once for each comparison, and never by a held key.

import { mark } from "./drawing.js";

const SHORTEST_DELAY_MS = 150; // the second half of a double click must not answer the next comparison
const KEYS = { ArrowLeft: "left", ArrowRight: "right", f: "left", j: "right", 1: "left", 2: "right" };

export class Answering {
  #buttons;
  #onAnswer;
  #isOpen = false;
  #sides = null;
  #timer = 0;
  #area;

  constructor(area, onAnswer) {
    this.#area = area;
    this.#buttons = Object.fromEntries([...area.querySelectorAll("[data-side]")].map((button) => [button.dataset.side, button]));
    this.#onAnswer = onAnswer;
    for (const [side, button] of Object.entries(this.#buttons)) {
      button.addEventListener("click", () => this.choose(side));
    }
    this.close();
  }

  /** Names and marks of the comparison; closed until `openAfter`. */
  label({ comparison, skeleton, words }) {
    this.close();
    const { first, second, first_is_left: firstIsLeft, first_is_green: firstIsGreen } = comparison;
    const sideOf = { first: firstIsLeft ? "left" : "right", second: firstIsLeft ? "right" : "left" };
    this.#sides = { [sideOf.first]: "first", [sideOf.second]: "second" };
    for (const [which, joint, isGreen] of [["first", first, firstIsGreen], ["second", second, !firstIsGreen]]) {
      const button = this.#buttons[sideOf[which]];
      button.querySelector("[data-part]").textContent = skeleton.joints[joint];
      button.querySelector("[data-rest]").textContent = words.is_closer;
      button.querySelector("svg").replaceChildren(mark(isGreen, 0, 0, 11));
      button.classList.remove("answer--chosen", "answer--right", "answer--wrong");
    }
  }

  openAfter(delayMs) {
    const wait = Math.max(delayMs, SHORTEST_DELAY_MS);
    this.#area.style.setProperty("--delay", `${wait}ms`);
    this.#area.dataset.state = "waiting";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), wait);
  }

  #open() {
    this.#isOpen = true;
    this.#area.dataset.state = "open";
    for (const button of Object.values(this.#buttons)) button.removeAttribute("aria-disabled");
  }

  close() {
    clearTimeout(this.#timer);
    this.#isOpen = false;
    this.#area.dataset.state = "closed";
    for (const button of Object.values(this.#buttons)) button.setAttribute("aria-disabled", "true");
  }

  choose(side) {
    if (!this.#isOpen) return;
    this.close();
    this.#buttons[side].classList.add("answer--chosen");
    this.#onAnswer(this.#sides[side]);
  }

  /** After a tutorial's answer: which button was right. */
  showVerdict(closer) {
    for (const [side, button] of Object.entries(this.#buttons)) {
      button.classList.add(this.#sides[side] === closer ? "answer--right" : "answer--wrong");
    }
  }

  /** True if the key belonged to the buttons. */
  takesKey(key) {
    const side = KEYS[key];
    if (!side) return false;
    this.choose(side);
    return true;
  }
}
