/** Pointing at a pair's row, or pressing its button, shows the pair in the picture. */

class PairTable {
  #rows;
  #figure;
  #kept = null;

  constructor(table, figure) {
    this.#figure = figure;
    this.#rows = [...table.querySelectorAll("[data-pair]")];
    for (const row of this.#rows) {
      const button = row.querySelector("button");
      row.addEventListener("pointerenter", () => this.#show(row.dataset.pair));
      row.addEventListener("pointerleave", () => this.#show(this.#kept));
      button.addEventListener("focus", () => this.#show(row.dataset.pair));
      button.addEventListener("blur", () => this.#show(this.#kept));
      button.addEventListener("click", () => this.#keep(row.dataset.pair));
    }
  }

  #keep(pair) {
    this.#kept = this.#kept === pair ? null : pair;
    for (const row of this.#rows) {
      row.querySelector("button").setAttribute("aria-pressed", row.dataset.pair === this.#kept);
    }
    this.#show(this.#kept);
  }

  #show(pair) {
    for (const row of this.#rows) row.classList.toggle("shown", row.dataset.pair === pair);
    for (const mark of this.#figure.querySelectorAll("[data-pair-mark]")) {
      mark.classList.toggle("shown", mark.dataset.pairMark === pair);
    }
    this.#figure.classList.toggle("dimmed", pair !== null);
  }
}

export function markPairs(root) {
  const table = root.querySelector("[data-pairs]");
  const figure = root.querySelector("[data-person] [data-figure]");
  if (table && figure) new PairTable(table, figure);
}
