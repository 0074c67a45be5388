// The task: consent, instructions, tutorial, comparisons, end. The server holds the state; this page shows it.

import { Board } from "./board.js";
import { fillExamples } from "./examples.js";
import { Gallery } from "./gallery.js";
import { Keeper } from "./keeper.js";
import { Keyboard } from "./keyboard.js";
import { Outbox } from "./outbox.js";
import { Picture } from "./picture.js";
import { Progress } from "./progress.js";
import { Server, persist } from "./server.js";
import { fitToSight } from "./sight.js";

const PREFETCHED = 6; // comparisons ahead: the next image and usually the one after it
const SHOW_CLOCK_S = 5 * 60;
const LOADS_AGAIN = ["not_ready", "number_taken", "unanswered"]; // the server knows better where the task stands
const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
const one = (selector) => document.querySelector(selector);

class TaskPage {
  #data;
  #words;
  #server;
  #gallery;
  #board;
  #progress;
  #outbox;
  #keeper;
  #peers;
  #screen = "";
  #practice = null; // the tutorial's attempt while it runs
  #confirm = null; // what Enter does
  #goldPicture = null;
  #deadline;

  /** @param kept answers that an earlier visit of this browser could not send */
  constructor(data, keeper, kept) {
    this.#data = data;
    this.#keeper = keeper;
    this.#words = data.words;
    this.#server = new Server(data);
    this.#gallery = new Gallery((url, isTrouble) => this.#board.tellTrouble(url, isTrouble));
    this.#board = new Board(one('[data-screen="compare"]'), data, this.#gallery);
    this.#progress = new Progress(data.comparisons.length, data.answers.standing);
    this.#deadline = Date.now() + data.seconds_left * 1000;
    this.#outbox = new Outbox({
      keeper,
      kept,
      server: this.#server,
      epoch: data.epoch,
      last: data.answers.last,
      events: {
        onChange: (state) => this.#showSaving(state),
        onStored: (answer, reply) => this.#stored(answer, reply),
        onRefused: (error) => this.#refused(error),
      },
    });
    this.#outbox.pending.forEach((answer) => this.#progress.apply(answer));
    this.#listen();
    this.#sayHello();
    fillExamples(data, this.#gallery);
    setInterval(() => this.#tick(), 1000);
  }

  start() {
    this.#outbox.send();
    this.#enter(this.#data.stage);
  }

  // --- From screen to screen ---------------------------------------------------------------

  #enter(stage) {
    this.#data.stage = stage;
    if (stage === "tutorial") this.#instruct(() => this.#runTutorial());
    else if (stage === "work") this.#beginWork();
    else this.#show(stage);
  }

  #show(screen) {
    this.#confirm = null;
    this.#screen = screen;
    for (const element of document.querySelectorAll("[data-screen]")) element.hidden = element.dataset.screen !== screen;
    document.body.dataset.at = screen;
    window.scrollTo(0, 0);
    if (screen !== "compare") {
      this.#board.close();
      one(`[data-screen="${screen}"] h1`)?.focus({ preventScroll: true });
    }
  }

  #instruct(then) {
    this.#show("instructions");
    this.#board.prefetch((this.#data.tutorial?.comparisons ?? []).slice(0, 2));
    this.#confirm = then;
  }

  #beginWork() {
    const isNew = this.#progress.answered === 0 && !this.#data.tutorial && !this.#data.is_practised;
    if (isNew) this.#instruct(() => this.#work());
    else this.#work();
  }

  // --- Comparisons ----------------------------------------------------------------------------

  #work() {
    const position = this.#progress.next;
    this.#updateProgress();
    if (position === null) {
      this.#finish();
      return;
    }
    if (this.#screen !== "compare") this.#show("compare");
    const { comparisons } = this.#data;
    this.#board.show(comparisons[position], {
      place: position + 1,
      of: comparisons.length,
      onChoice: (choice, times) => this.#answer(position, choice, times),
    });
    this.#board.prefetch(this.#progress.upcoming(position).slice(0, PREFETCHED).map((i) => comparisons[i]));
  }

  #answer(position, choice, times) {
    this.#progress.apply({ position, choice });
    this.#outbox.add({ position, choice, ...times });
    this.#work();
  }

  #undo() {
    const position = this.#progress.latest;
    if (this.#practice || position === null || !["compare", "end"].includes(this.#screen)) return;
    this.#progress.apply({ position, choice: "undone" });
    this.#outbox.add({ position, choice: "undone", ...this.#board.clock.read() });
    this.#work();
  }

  #updateProgress() {
    const { answered, toGo } = this.#progress;
    this.#board.setProgress(answered, this.#data.comparisons.length, this.#words.to_go[toGo]);
    const undo = one('[data-screen="compare"] [data-do="undo"]');
    undo.setAttribute("aria-disabled", String(this.#practice !== null || answered === 0));
  }

  #stored(answer, { gold }) {
    if (gold) this.#tellGold(this.#data.comparisons[answer.position], gold);
  }

  // --- The tutorial ------------------------------------------------------------------------------

  #runTutorial(number = this.#data.tutorial.attempt) {
    const { tutorial } = this.#data;
    const answered = number === tutorial.attempt ? tutorial.answered : [];
    const left = tutorial.comparisons.filter(({ position }) => !answered.includes(position));
    this.#practice = { number, left };
    this.#show("compare");
    this.#updateProgress();
    this.#nextPractice();
  }

  #nextPractice() {
    const { left, number } = this.#practice;
    const { comparisons } = this.#data.tutorial;
    const comparison = left[0];
    this.#confirm = null;
    this.#board.setProgress(comparison.position, comparisons.length, "");
    this.#board.show(comparison, {
      place: comparison.position + 1,
      of: comparisons.length,
      practice: true,
      onChoice: (choice) => this.#mark(number, comparison, choice),
    });
    this.#board.prefetch(left.slice(1, 3));
  }

  async #mark(number, comparison, choice) {
    const call = () => this.#server.putTutorialAnswer(number, comparison.position, choice);
    let marking;
    try {
      marking = await persist(call, (trouble) => this.#showSaving({ pending: trouble ? 1 : 0, trouble }));
    } catch (error) {
      this.#refused(error);
      return;
    }
    const scene = this.#data.scenes[comparison.scene];
    const joint = this.#data.skeletons[scene.skeleton].joints[comparison[marking.closer]];
    this.#practice.left.shift();
    this.#board.showFeedback({
      verdict: `${marking.right ? this.#words.right : this.#words.wrong} ${fill(this.#words.closer_was, { part: joint })}`,
      text: marking.explanation,
      isRight: marking.right,
      closer: marking.closer,
      label: this.#words.next,
    });
    this.#confirm = () => (this.#practice.left.length ? this.#nextPractice() : this.#practised(marking));
  }

  #practised({ n_right: right, n_questions: of, passed, tries_left: triesLeft }) {
    const { tutorial } = this.#data;
    const wasPassed = tutorial.passed;
    tutorial.attempt = this.#practice.number + 1;
    tutorial.answered = [];
    this.#practice = null;
    if (!passed && !wasPassed && triesLeft === 0) {
      this.#show("tutorial_failed");
      return;
    }
    tutorial.passed ||= passed;
    this.#show("marked");
    const [sentence, label] = wasPassed
      ? [this.#words.practice_repeated, this.#words.back]
      : passed
        ? [this.#words.practice_passed, this.#words.begin]
        : [this.#words.practice_failed_once, this.#words.again];
    one("[data-marked-title]").textContent = fill(sentence, { right, of, needed: tutorial.needed });
    one("[data-after-tutorial]").textContent = label;
    this.#confirm = () => (tutorial.passed ? this.#work() : this.#runTutorial());
  }

  // --- Gold ------------------------------------------------------------------------------------------

  /** A right answer to a known comparison gets a short word, a wrong one a second look. */
  async #tellGold(comparison, { right, closer }) {
    const scene = this.#data.scenes[comparison.scene];
    const skeleton = this.#data.skeletons[scene.skeleton];
    const answer = fill(this.#words.closer_was, { part: skeleton.joints[comparison[closer]] });
    if (right) {
      this.#flash(`${this.#words.right} ${answer}`);
      return;
    }
    const dialog = one('[data-dialog="gold"]');
    if (dialog.open) return;
    one("[data-gold-title]").textContent = this.#words.wrong;
    one("[data-gold-text]").textContent = answer;
    this.#board.clock.hold();
    dialog.showModal();
    this.#goldPicture ??= new Picture(one('[data-picture="gold"]'), { figure: false });
    const image = await this.#gallery.get(scene.image);
    this.#goldPicture.show({ image: image.cloneNode(), scene, skeleton, comparison });
  }

  #flash(text) {
    const saved = one("[data-saved]");
    one("[data-saved-text]").textContent = text;
    saved.dataset.state = "praise";
    clearTimeout(this.flashing);
    this.flashing = setTimeout(() => this.#showSaving({ pending: this.#outbox.pending.length, trouble: null }), 1800);
  }

  // --- The end ---------------------------------------------------------------------------------------

  async #finish() {
    this.#show("end");
    try {
      await this.#outbox.emptied();
      const { agreement } = await persist(() => this.#server.state());
      const line = one("[data-agreement]");
      line.hidden = !agreement;
      if (agreement) line.textContent = fill(this.#words.agreement, agreement);
    } catch (error) {
      this.#refused(error);
    }
  }

  async #handIn() {
    const button = one(`[data-screen="${this.#screen}"] [data-do="hand-in"]`);
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    const form = new FormData(one("[data-feedback]"));
    const feedback = {
      problem: form.has("problem") ? form.get("problem") === "yes" : null,
      ease: form.has("ease") ? Number(form.get("ease")) : null,
      comment: form.get("comment"),
    };
    try {
      await this.#outbox.emptied();
      await persist(() => this.#server.handIn(this.#data.epoch, feedback), (trouble) => this.#endStatus(trouble));
      this.#keeper.write(null);
      this.#show("handed_in");
      one("[data-submit]").requestSubmit();
    } catch (error) {
      button.removeAttribute("aria-disabled");
      this.#refused(error);
    }
  }

  #endStatus(trouble) {
    for (const line of document.querySelectorAll("[data-end-status]")) line.textContent = trouble ? this.#words.unsaved : "";
  }

  // --- What the network says ----------------------------------------------------------------------------

  #showSaving({ pending, trouble }) {
    const saved = one("[data-saved]");
    const [state, text] = trouble
      ? ["trouble", navigator.onLine ? this.#words.unsaved : this.#words.offline]
      : pending ? ["saving", this.#words.saving] : ["saved", this.#words.saved];
    if (saved.dataset.state === "praise" && state === "saving") return;
    saved.dataset.state = state;
    one("[data-saved-text]").textContent = text;
    this.#endStatus(trouble);
  }

  async #refused(error) {
    this.#outbox.stop();
    const { code, body } = error;
    if (LOADS_AGAIN.includes(code) || code === this.#screen) location.reload();
    else if (one(`[data-screen="${code}"]`)) this.#show(code);
    else throw new Error(`refused: ${code} ${body?.detail ?? ""}`);
  }

  /** Other tabs of this browser hear at once that the task is open here now. */
  #sayHello() {
    try {
      this.#peers = new BroadcastChannel(`nearer:task:${this.#data.task}`);
    } catch {
      return; // then the server's word on the next answer has to do
    }
    this.#peers.onmessage = ({ data: epoch }) => {
      if (epoch > this.#data.epoch && this.#screen !== "handed_in") this.#refused({ code: "elsewhere" });
    };
    this.#peers.postMessage(this.#data.epoch);
  }

  #tick() {
    const seconds = Math.max(0, Math.round((this.#deadline - Date.now()) / 1000));
    const clock = one("[data-time-left]");
    clock.hidden = seconds > SHOW_CLOCK_S;
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (!clock.hidden) clock.textContent = fill(this.#words.time_left, { time });
  }

  // --- Hands ------------------------------------------------------------------------------------------------

  #listen() {
    const actions = {
      consent: () => this.#agree(),
      begin: () => this.#confirm?.(),
      next: () => this.#confirm?.(),
      "after-tutorial": () => this.#confirm?.(),
      undo: () => this.#undo(),
      "undo-at-end": () => this.#undo(),
      marks: () => this.#board.toggleMarks(),
      zoom: () => this.#board.toggleZoom(),
      help: () => this.#openHelp(),
      "close-help": () => one('[data-dialog="help"]').close(),
      "close-gold": () => one('[data-dialog="gold"]').close(),
      practise: () => this.#practise(),
      "hand-in": () => this.#handIn(),
      reload: () => location.reload(),
    };
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button && button.getAttribute("aria-disabled") !== "true") actions[button.dataset.do]?.();
    });
    for (const dialog of document.querySelectorAll("dialog")) {
      dialog.addEventListener("close", () => this.#board.clock.release());
    }
    new Keyboard({
      letterSwitch: one("[data-letter-keys]"),
      isPaused: () => one("dialog[open]") !== null,
      handlers: {
        answer: (key) => this.#screen === "compare" && this.#board.takesKey(key),
        command: (name) => (this.#screen === "compare" || (name === "undo" && this.#screen === "end")) && actions[name](),
        confirm: () => this.#confirmed(),
      },
    });
    window.addEventListener("online", () => this.#outbox.send());
    this.#watchFocus();
  }

  /** Enter; true if it meant something here. */
  #confirmed() {
    const act = this.#confirm;
    act?.();
    return act !== null;
  }

  async #agree() {
    try {
      const { stage } = await persist(() => this.#server.consent());
      this.#enter(stage);
    } catch (error) {
      this.#refused(error);
    }
  }

  #openHelp() {
    this.#board.clock.hold();
    one('[data-dialog="help"]').showModal();
  }

  #practise() {
    one('[data-dialog="help"]').close();
    if (!this.#practice && this.#data.tutorial) this.#runTutorial();
  }

  /** In a frame keys go nowhere until it has the focus: take it, and say so where that failed. */
  #watchFocus() {
    const note = one("[data-focus-note]");
    const update = () => {
      note.hidden = document.hasFocus() || !matchMedia("(hover: hover)").matches;
    };
    window.addEventListener("focus", update);
    window.addEventListener("blur", () => setTimeout(update, 100));
    window.focus();
    setTimeout(update, 500);
  }
}

fitToSight();
const data = JSON.parse(document.getElementById("task-data").textContent);
const keeper = new Keeper(`nearer:task:${data.task}`);
new TaskPage(data, keeper, await keeper.read()).start();
