// The screen with picture and buttons: shows one comparison, times it, gives back one choice.

import { Answering } from "./answering.js";
import { Clock } from "./clock.js";
import { Picture } from "./picture.js";

const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);

export class Board {
  #screen;
  #data;
  #gallery;
  #picture;
  #answering;
  #turn = 0;
  #awaited = "";
  #missing = new Set();
  #onChoice = () => {};
  clock = new Clock();

  constructor(screen, data, gallery) {
    this.#screen = screen;
    this.#data = data;
    this.#gallery = gallery;
    this.#picture = new Picture(screen.querySelector("[data-picture]"), { onZoom: (isZoomed) => this.#press("zoom", isZoomed) });
    this.#answering = new Answering(screen.querySelector(".answers"), (choice) => this.#onChoice(choice, this.clock.read()));
  }

  /** Puts a comparison on the screen; `onChoice(choice, times)` is called once. */
  async show(comparison, { place, of, practice = false, onChoice }) {
    const turn = (this.#turn += 1);
    const { words } = this.#data;
    const scene = this.#data.scenes[comparison.scene];
    const skeleton = this.#data.skeletons[scene.skeleton];
    this.#onChoice = onChoice;
    this.hideFeedback();
    this.#answering.label({ comparison, skeleton, words });
    this.#find("place").textContent = fill(practice ? words.practice_place : words.place, { n: place, of });
    this.#awaited = scene.image;
    this.#showTrouble();
    const image = await this.#gallery.get(scene.image);
    if (turn !== this.#turn) return;
    this.#picture.show({ image, scene, skeleton, comparison });
    this.#press("marks", false);
    this.#announce(comparison, skeleton, place, of);
    await painted();
    if (turn !== this.#turn) return;
    this.clock.start();
    this.#answering.openAfter(this.#data.delay_ms);
  }

  prefetch(comparisons) {
    for (const comparison of comparisons) this.#gallery.get(this.#data.scenes[comparison.scene].image);
  }

  /** Takes no answer until the next `show`. */
  close() {
    this.#turn += 1;
    this.#answering.close();
  }

  takesKey(key) {
    return this.#answering.takesKey(key);
  }

  toggleMarks() {
    this.#press("marks", this.#picture.toggleMarks());
  }

  toggleZoom() {
    this.#picture.toggleZoom();
  }

  setProgress(answered, of, toGo) {
    const bar = this.#find("progress");
    bar.max = of;
    bar.value = answered;
    this.#find("to-go").textContent = toGo;
  }

  /** What the tutorial says of an answer; `onNext` by button or Enter. */
  showFeedback({ verdict, text, isRight, closer, label }) {
    this.#answering.showVerdict(closer);
    const panel = this.#find("feedback-panel");
    panel.hidden = false;
    panel.classList.toggle("feedback--wrong", !isRight);
    this.#screen.classList.add("compare--explaining");
    this.#find("feedback-verdict").textContent = verdict;
    this.#find("feedback-text").textContent = text;
    const button = panel.querySelector("button");
    button.firstChild.textContent = `${label} `;
    button.focus({ preventScroll: true });
  }

  hideFeedback() {
    this.#find("feedback-panel").hidden = true;
    this.#screen.classList.remove("compare--explaining");
  }

  get isExplaining() {
    return !this.#find("feedback-panel").hidden;
  }

  /** A picture does not come: worth a word if it is the one that is waited for. */
  tellTrouble(url, isTrouble) {
    if (isTrouble) this.#missing.add(url);
    else this.#missing.delete(url);
    this.#showTrouble();
  }

  #showTrouble() {
    const note = this.#find("picture-note");
    note.textContent = this.#data.words.image_failed;
    note.hidden = !this.#missing.has(this.#awaited);
  }

  #announce(comparison, skeleton, n, of) {
    const { words } = this.#data;
    const name = (joint, isGreen) => `${skeleton.joints[joint]} (${isGreen ? words.green_ring : words.pink_diamond})`;
    const first = name(comparison.first, comparison.first_is_green);
    const second = name(comparison.second, !comparison.first_is_green);
    const [left, right] = comparison.first_is_left ? [first, second] : [second, first];
    this.#find("announce").textContent = fill(words.announce, { n, of, left, right });
  }

  #press(name, isPressed) {
    this.#screen.querySelector(`[data-do="${name}"]`).setAttribute("aria-pressed", String(isPressed));
  }

  #find(name) {
    return this.#screen.querySelector(`[data-${name}]`);
  }
}

/** Resolves when what was put on the page has been painted; waits while the page is hidden. */
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}
