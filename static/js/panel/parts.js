/** Parts of a page that take a while to work out: `data-part` names the address of their HTML. */

export async function fetchParts(root) {
  for (const place of root.querySelectorAll("[data-part]")) {
    try {
      const answer = await fetch(place.dataset.part, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(answer.statusText);
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      place.replaceChildren(...part.body.childNodes);
      if (place.querySelector("[data-chart]")) {
        const { drawCharts } = await import("./charts.js");
        drawCharts(place);
      }
    } catch {
      // the link that stands there still leads to it
    }
  }
}
