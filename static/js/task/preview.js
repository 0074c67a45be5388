// The preview: illustrated instructions, nothing else.

import { fillExamples } from "./examples.js";
import { Gallery } from "./gallery.js";

const data = JSON.parse(document.getElementById("task-data").textContent);
fillExamples(data, new Gallery());
