/** Figures of a page that change while it is looked at: `data-live-url` on their container, `data-live="name"` on each. */

import { poll } from "./polling.js";
import { redraw } from "./redraw.js";

export function followFigures(root) {
  for (const box of root.querySelectorAll("[data-live-url]")) {
    poll(box.dataset.liveUrl, (data) => {
      for (const [name, value] of Object.entries(data.figures)) {
        for (const place of box.querySelectorAll(`[data-live="${CSS.escape(name)}"]`)) {
          if (place instanceof HTMLProgressElement) place.value = value;
          else if (place.textContent !== String(value)) place.textContent = value;
        }
      }
      box.dispatchEvent(new CustomEvent("figures", { bubbles: true, detail: data }));
      if (data.reload) redraw();
      return data.ended || data.reload;
    });
  }
}
