/** What every page of the panel does, where its parts are present. */

import { followJobs } from "./jobs.js";
import { markPairs } from "./pairs.js";
import { followFigures } from "./live.js";
import { fetchParts } from "./parts.js";

const narrow = window.matchMedia("(max-width: 900px)");

function foldMenu() {
  const menu = document.querySelector("[data-menu]");
  if (menu) menu.open = !narrow.matches;
}

foldMenu();
narrow.addEventListener("change", foldMenu);
followJobs(document);
markPairs(document);
followFigures(document);
fetchParts(document);
if (document.querySelector("[data-chart]")) {
  const { drawCharts } = await import("./charts.js");
  drawCharts(document);
}
