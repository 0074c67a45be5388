/* The page around a task: counts the time down, gives the task the keyboard, and moves on
   once the work is handed in, told so by the frame or by asking the server. */

const POLL_MS = 5000;

export function clockText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

class Countdown {
  #element;
  #end;
  #said = new Set();
  #say;

  constructor(element, say) {
    this.#element = element;
    this.#say = say;
    this.#end = performance.now() + 1000 * Number(element.dataset.secondsLeft);
    this.#show();
    setInterval(() => this.#show(), 500);
  }

  #show() {
    const seconds = (this.#end - performance.now()) / 1000;
    this.#element.textContent = clockText(seconds);
    this.#element.classList.toggle("late", seconds < 60);
    for (const minutes of [5, 1]) {
      if (seconds <= 60 * minutes && seconds > 60 * minutes - 5 && !this.#said.has(minutes)) {
        this.#said.add(minutes);
        this.#say(minutes === 1 ? "One minute left." : `${minutes} minutes left.`);
      }
    }
  }
}

class WorkPage {
  #stateUrl;
  #doneUrl;
  #frame;
  #away;

  constructor(element) {
    this.#stateUrl = element.dataset.stateUrl;
    this.#doneUrl = element.dataset.doneUrl;
    this.#frame = document.querySelector("iframe.task");
    this.#away = document.querySelector("[data-away]");
    window.addEventListener("message", (event) => this.#hear(event));
    document.addEventListener("visibilitychange", () => document.hidden || this.#ask());
    setTimeout(() => this.#poll(), POLL_MS);
  }

  #hear(event) {
    const fromUs = event.origin === window.location.origin && event.source === this.#frame.contentWindow;
    if (fromUs && event.data?.type === "marketplace:submitted") this.#moveOn();
  }

  async #poll() {
    await this.#ask();
    setTimeout(() => this.#poll(), POLL_MS);
  }

  async #ask() {
    try {
      const response = await fetch(this.#stateUrl, { headers: { Accept: "application/json" } });
      if (response.redirected || !response.ok) throw new Error(`status ${response.status}`);
      this.#away.hidden = true;
      if ((await response.json()).state !== "Accepted") this.#moveOn();
    } catch {
      this.#away.hidden = false;
    }
  }

  #moveOn() {
    window.location.replace(this.#doneUrl);
  }
}

const say = (text) => {
  document.querySelector("[data-say]").textContent = text;
};
const work = document.querySelector("[data-work]");
if (work) {
  new WorkPage(work);
  new Countdown(document.querySelector(".clock"), say);
  const frame = document.querySelector("iframe.task");
  frame.addEventListener("load", () => frame.focus(), { once: true });
}
