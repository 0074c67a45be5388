// Which comparisons are answered, in which order, and which comes next. No network, no page.

export class Progress {
  #n;
  #choices = new Map(); // position to choice, in the order of answering

  /** @param standing [{position, choice}] in the order of answering */
  constructor(n, standing) {
    this.#n = n;
    standing.forEach((answer) => this.apply(answer));
  }

  apply({ position, choice }) {
    this.#choices.delete(position);
    if (choice !== "undone") this.#choices.set(position, choice);
  }

  get answered() {
    return this.#choices.size;
  }

  get toGo() {
    return this.#n - this.#choices.size;
  }

  /** The first position without an answer; null when all are answered. */
  get next() {
    for (let position = 0; position < this.#n; position += 1) if (!this.#choices.has(position)) return position;
    return null;
  }

  /** Positions without an answer after this one, nearest first. */
  upcoming(position) {
    return Array.from({ length: this.#n }, (_, i) => i).filter((i) => i > position && !this.#choices.has(i));
  }

  /** The position answered last; null when there is nothing to undo. */
  get latest() {
    return [...this.#choices.keys()].at(-1) ?? null;
  }
}
