/** While a campaign is filled in, its price and what it will bring are kept beside the form. */

const PAUSE_MS = 250;
const LONG_PAUSE_MS = 900;
const FORMATS = {
  usd: new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }),
  share: new Intl.NumberFormat("en-US", { style: "percent" }),
  short: new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 }),
  number: new Intl.NumberFormat("en-US"),
};

class Price {
  #box;
  #form;
  #timers = {};
  #newest = {};

  constructor(box) {
    this.#box = box;
    this.#form = document.getElementById(box.dataset.price);
    this.#form.addEventListener("input", () => this.#changed());
    this.#ask("price", box.dataset.url);
    this.#ask("expect", box.dataset.expectUrl);
  }

  /** The price at once; the simulation, which takes the server a second, when the typing is over. */
  #changed() {
    this.#soon("price", this.#box.dataset.url, PAUSE_MS);
    this.#soon("expect", this.#box.dataset.expectUrl, LONG_PAUSE_MS);
  }

  #soon(part, url, pause) {
    clearTimeout(this.#timers[part]);
    this.#timers[part] = setTimeout(() => this.#ask(part, url), pause);
  }

  async #ask(part, url) {
    const mine = (this.#newest[part] = (this.#newest[part] ?? 0) + 1);
    const fields = new URLSearchParams();
    for (const name of this.#box.dataset.fields.split(" ")) fields.set(name, this.#form.elements[name]?.value ?? "");
    this.#box.setAttribute("aria-busy", "true");
    let answer;
    try {
      const response = await fetch(`${url}?${fields}`, { headers: { Accept: "application/json" } });
      answer = await response.json();
    } catch {
      answer = { error: "The server did not answer; it will be asked again with the next change." };
    }
    if (mine === this.#newest[part]) this.#show(part, answer);
  }

  #show(part, answer) {
    this.#box.removeAttribute("aria-busy");
    const words = this.#box.querySelector(`[data-${part}-words]`);
    words.textContent = answer.error ?? "";
    words.hidden = !answer.error;
    this.#box.querySelector(`[data-${part}-table]`).hidden = Boolean(answer.error);
    if (answer.error) return;
    for (const place of this.#box.querySelectorAll(`[data-${part}-value]`)) {
      const value = Number(answer[place.getAttribute(`data-${part}-value`)]);
      place.textContent = FORMATS[place.dataset.unit ?? "number"].format(value);
    }
    for (const place of this.#box.querySelectorAll(`[data-${part}-text]`)) {
      place.textContent = answer[place.getAttribute(`data-${part}-text`)];
    }
    if (part === "price") {
      this.#box.querySelector("[data-price-low]").hidden = Number(answer.wage_usd) >= Number(this.#box.dataset.leastWage);
    } else {
      this.#box.querySelector("[data-expect-lean]").hidden = !answer.is_lean;
      this.#box.querySelector("[data-expect-long]").hidden = !answer.too_long;
    }
  }
}

for (const box of document.querySelectorAll("[data-price]")) new Price(box);
