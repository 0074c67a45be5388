/**
 * Parts of a page that take a while to work out: `data-part` names the address of their HTML. With `data-part-again` they
 * are asked for again every quarter of a minute, while somebody looks at the page, and drawn anew where they have changed.
 */

const AGAIN_MS = 15_000;
const SLOWEST_MS = 120_000;

class Part {
  #place;
  #shown = "";
  #wait = AGAIN_MS;

  constructor(place) {
    this.#place = place;
    this.#ask();
  }

  #ask = async () => {
    if (document.hidden) {
      document.addEventListener("visibilitychange", this.#ask, { once: true });
      return;
    }
    try {
      const answer = await fetch(this.#place.dataset.part, { credentials: "same-origin" });
      if (answer.redirected || answer.status === 404) return; // logged out, or gone: the link that stands there leads on
      if (!answer.ok) throw new Error(answer.statusText);
      await this.#show(await answer.text());
      this.#wait = AGAIN_MS;
    } catch {
      this.#wait = Math.min(2 * this.#wait, SLOWEST_MS);
    }
    if ("partAgain" in this.#place.dataset) setTimeout(this.#ask, this.#wait);
  };

  /** Whoever is in the middle of something there, with the keyboard or in an open table, is not disturbed. */
  get #isInUse() {
    return this.#place.contains(document.activeElement) || this.#place.querySelector("details[open]") !== null;
  }

  async #show(html) {
    if (html === this.#shown || (this.#shown && this.#isInUse)) return;
    this.#shown = html;
    const part = new DOMParser().parseFromString(html, "text/html");
    this.#place.replaceChildren(...part.body.childNodes);
    if (this.#place.querySelector("[data-chart]")) {
      const { drawCharts } = await import("./charts.js");
      drawCharts(this.#place);
    }
  }
}

export function fetchParts(root) {
  for (const place of root.querySelectorAll("[data-part]")) new Part(place);
}
