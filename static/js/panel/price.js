/** While a campaign is filled in, its price is kept beside the form. */

const PAUSE_MS = 250;
const FORMATS = {
  usd: new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }),
  share: new Intl.NumberFormat("en-US", { style: "percent" }),
  number: new Intl.NumberFormat("en-US"),
};

class Price {
  #box;
  #form;
  #timer = null;
  #newest = 0;

  constructor(box) {
    this.#box = box;
    this.#form = document.getElementById(box.dataset.price);
    this.#form.addEventListener("input", () => this.#soon());
    this.#ask();
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  async #ask() {
    const mine = ++this.#newest;
    const fields = new URLSearchParams();
    for (const name of this.#box.dataset.fields.split(" ")) fields.set(name, this.#form.elements[name]?.value ?? "");
    this.#box.setAttribute("aria-busy", "true");
    let answer;
    try {
      const response = await fetch(`${this.#box.dataset.url}?${fields}`, { headers: { Accept: "application/json" } });
      answer = await response.json();
    } catch {
      answer = { error: "The server did not answer; the price will come with the next change." };
    }
    if (mine === this.#newest) this.#show(answer);
  }

  #show(answer) {
    this.#box.removeAttribute("aria-busy");
    const words = this.#box.querySelector("[data-price-words]");
    words.textContent = answer.error ?? "";
    words.hidden = !answer.error;
    this.#box.querySelector("[data-price-table]").hidden = Boolean(answer.error);
    if (answer.error) return;
    for (const place of this.#box.querySelectorAll("[data-price-value]")) {
      const value = Number(answer[place.dataset.priceValue]);
      place.textContent = FORMATS[place.dataset.unit ?? "number"].format(value);
    }
    this.#box.querySelector("[data-price-low]").hidden = Number(answer.wage_usd) >= Number(this.#box.dataset.leastWage);
  }
}

for (const box of document.querySelectorAll("[data-price]")) new Price(box);
