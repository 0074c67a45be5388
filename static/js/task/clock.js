// How long an answer took: the time since the picture was painted, with and without the time it was out of sight.

export class Clock {
  #startedAt = 0;
  #seenMs = 0;
  #seenSince = null;
  #holds = 0;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#settle());
  }

  start() {
    this.#startedAt = performance.now();
    this.#seenMs = 0;
    this.#seenSince = null;
    this.#settle();
  }

  /** Something covers the picture; `release` when it is gone. */
  hold() {
    this.#holds += 1;
    this.#settle();
  }

  release() {
    this.#holds = Math.max(0, this.#holds - 1);
    this.#settle();
  }

  #settle() {
    const now = performance.now();
    if (this.#seenSince !== null) this.#seenMs += now - this.#seenSince;
    this.#seenSince = document.visibilityState === "visible" && this.#holds === 0 ? now : null;
  }

  /** Whole milliseconds, ready to be sent. */
  read() {
    this.#settle();
    return {
      response_ms: Math.round(this.#seenMs),
      elapsed_ms: Math.round(performance.now() - this.#startedAt),
    };
  }
}
