// The instructions' pictures, each with its answer.

import { mark, svg } from "./drawing.js";
import { Picture } from "./picture.js";

/** Fills every place that wants examples; each is drawn once it is on screen. */
export function fillExamples(data, gallery) {
  for (const place of document.querySelectorAll("[data-examples]")) {
    place.replaceChildren(...data.illustrations.map((example) => figureOf(example, data, gallery)));
  }
}

function figureOf(example, data, gallery) {
  const scene = data.scenes[example.scene];
  const skeleton = data.skeletons[scene.skeleton];
  const figure = document.createElement("figure");
  figure.className = "example";
  const stage = Object.assign(document.createElement("div"), { className: "picture picture--still" });
  const picture = new Picture(stage, { figure: example.kind === "left-right" });
  const caption = document.createElement("figcaption");
  const closer = example.first_is_closer ? example.first : example.second;
  const symbol = svg("svg", { viewBox: "-20 -20 40 40", class: "example__mark", "aria-hidden": "true" }, mark(example.first_is_closer === example.first_is_green));
  caption.append(
    element("strong", "example__kind", data.words.kinds[example.kind] ?? ""),
    element("span", "example__answer", symbol, data.words.closer_was.replace("%(part)s", skeleton.joints[closer])),
    element("span", "example__why", example.explanation),
  );
  figure.append(stage, caption);
  gallery.get(scene.image).then((image) => picture.show({ image: image.cloneNode(), scene, skeleton, comparison: example }));
  return figure;
}

function element(name, className, ...children) {
  const made = Object.assign(document.createElement(name), { className });
  made.append(...children);
  return made;
}
