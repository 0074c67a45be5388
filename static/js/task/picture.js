// One picture on a stage: the person fitted into it, two marks with names, the reference figure.

import { mark, referenceFigure, svg } from "./drawing.js";
import { bodyPoints, fit, freeCorner, markRadius, pairBox, personBox, placeLabels, toScreen, usualRadius } from "./geometry.js";

export class Picture {
  #root;
  #frame;
  #overlay;
  #figure;
  #labels;
  #shown = null;
  #zoomed = false;

  constructor(root, { figure = true } = {}) {
    this.#root = root;
    this.#frame = document.createElement("div");
    this.#frame.className = "picture__frame";
    this.#overlay = svg("svg", { class: "picture__marks", "aria-hidden": "true" });
    this.#labels = [0, 1].map(() => Object.assign(document.createElement("span"), { className: "picture__label" }));
    root.prepend(this.#frame, this.#overlay, ...this.#labels);
    if (figure) {
      this.#figure = Object.assign(document.createElement("div"), { className: "figure" });
      root.append(this.#figure);
    }
    new ResizeObserver(() => this.draw()).observe(root);
  }

  /** `image` is decoded already, so that it is on screen with the next frame. */
  show({ image, scene, skeleton, comparison }) {
    this.#shown = { image, scene, skeleton, comparison };
    this.#zoomed = false;
    this.#root.classList.remove("picture--bare");
    if (this.#frame.firstChild !== image) this.#frame.replaceChildren(image);
    if (this.#figure) this.#figure.replaceChildren(referenceFigure(skeleton, this.#marked()));
    this.draw();
  }

  get isBare() {
    return this.#root.classList.contains("picture--bare");
  }

  get isZoomed() {
    return this.#zoomed;
  }

  toggleMarks() {
    return this.#root.classList.toggle("picture--bare");
  }

  toggleZoom() {
    this.#zoomed = !this.#zoomed;
    this.draw();
    return this.#zoomed;
  }

  #marked() {
    const { first, second, first_is_green: firstIsGreen } = this.#shown.comparison;
    return [
      { joint: first, isGreen: firstIsGreen },
      { joint: second, isGreen: !firstIsGreen },
    ];
  }

  draw() {
    if (!this.#shown) return;
    const stage = { width: this.#root.clientWidth, height: this.#root.clientHeight };
    if (!stage.width || !stage.height) return;
    const { image, scene, skeleton } = this.#shown;
    const marked = this.#marked();
    const person = personBox(scene.keypoints, scene);
    const points = marked.map(({ joint }) => scene.keypoints[joint]);
    const view = fit(this.#zoomed ? pairBox(...points, person) : person, stage, scene);
    image.style.width = `${scene.width * view.scale}px`;
    image.style.height = `${scene.height * view.scale}px`;
    image.style.transform = `translate(${view.x}px, ${view.y}px)`;
    const places = points.map((point) => toScreen(point, view));
    const radius = markRadius(...places, usualRadius(stage));
    this.#overlay.setAttribute("viewBox", `0 0 ${stage.width} ${stage.height}`);
    this.#overlay.replaceChildren(...marked.map(({ isGreen }, i) => mark(isGreen, ...places[i], radius)));
    const body = bodyPoints(scene.keypoints.map((point) => point && toScreen(point, view)), skeleton.bones);
    this.#drawLabels(marked, skeleton, { places, stage, radius, body });
    this.#placeFigure(places, stage);
  }

  #drawLabels(marked, skeleton, { places, stage, radius, body }) {
    marked.forEach(({ joint, isGreen }, i) => {
      this.#labels[i].textContent = skeleton.joints[joint];
      this.#labels[i].className = `picture__label picture__label--${isGreen ? "green" : "pink"}`;
    });
    const sizes = this.#labels.map((label, i) => ({ at: places[i], width: label.offsetWidth, height: label.offsetHeight }));
    placeLabels(sizes, stage, radius + 3, body).forEach(({ x, y }, i) => {
      this.#labels[i].style.transform = `translate(${x}px, ${y}px)`;
    });
  }

  #placeFigure(places, stage) {
    if (!this.#figure) return;
    const size = { width: this.#figure.offsetWidth + 12, height: this.#figure.offsetHeight + 12 };
    this.#figure.dataset.corner = freeCorner(places, stage, size);
  }
}
