// One picture on a stage: the person fitted into it, two marks with names, the reference figure, and a closer look.
//
// Nothing here reads a size while a comparison is put on the screen: the stage's is told by an observer and the labels' are
// measured once, so that the browser lays the page out once for each answer.

import { mark, referenceFigure, svg } from "./drawing.js";
import { bodyPoints, centred, fit, freeCorner, markRadius, moved, pairBox, personBox, placeLabels, toScreen, usualRadius, zoomedAt } from "./geometry.js";
import { Gestures } from "./gestures.js";

const MOST = 8; // times the whole person
const LEAST_CLOSER = 1.25;
const TAPPED = 2.5;

export class Picture {
  #root;
  #frame;
  #overlay;
  #figure;
  #labels;
  #shown = null;
  #stage = { width: 0, height: 0 };
  #sizes = new Map(); // of labels and figure by skeleton, as long as the stage stays as it is
  #view = null; // where somebody looks closer; null while the whole person is shown
  #onZoom;

  /** @param onZoom (isZoomed) => void; given, the picture can be looked at closer with wheel, fingers and mouse */
  constructor(root, { figure = true, onZoom = null } = {}) {
    this.#root = root;
    this.#onZoom = onZoom;
    this.#frame = document.createElement("div");
    this.#frame.className = "picture__frame";
    this.#overlay = svg("svg", { class: "picture__marks", "aria-hidden": "true" });
    this.#labels = [0, 1].map(() => Object.assign(document.createElement("span"), { className: "picture__label" }));
    root.prepend(this.#frame, this.#overlay, ...this.#labels);
    if (figure) {
      this.#figure = Object.assign(document.createElement("div"), { className: "figure" });
      root.append(this.#figure);
    }
    new ResizeObserver(([{ contentRect }]) => this.#resized(contentRect)).observe(root);
    if (onZoom) this.#takeGestures();
  }

  /** `image` is decoded already, so that it is on screen with the next frame. */
  show({ image, scene, skeleton, comparison }) {
    const { first, second, first_is_green: firstIsGreen } = comparison;
    const marked = [
      { joint: first, isGreen: firstIsGreen },
      { joint: second, isGreen: !firstIsGreen },
    ];
    this.#shown = { image, scene, skeleton, marked };
    this.#look(null);
    this.#root.classList.remove("picture--bare");
    if (this.#frame.firstChild !== image) this.#frame.replaceChildren(image);
    if (this.#figure) this.#figure.replaceChildren(referenceFigure(skeleton, marked));
    marked.forEach(({ joint, isGreen }, i) => {
      this.#labels[i].textContent = skeleton.joints[joint];
      this.#labels[i].className = `picture__label picture__label--${isGreen ? "green" : "pink"}`;
    });
    this.draw();
  }

  get isZoomed() {
    return this.#view !== null;
  }

  toggleMarks() {
    return this.#root.classList.toggle("picture--bare");
  }

  /** The two marks and what lies about them, or the whole person again. */
  toggleZoom() {
    if (!this.#shown || this.#view) this.#look(null);
    else {
      const { scene } = this.#shown;
      const points = this.#points();
      const closer = fit(pairBox(...points, personBox(scene.keypoints, scene)), this.#stage, scene);
      const scale = Math.max(closer.scale, this.#whole().scale * LEAST_CLOSER);
      const middle = [0, 1].map((axis) => (points[0][axis] + points[1][axis]) / 2);
      this.#look(centred(middle, scale, this.#stage, scene));
    }
    this.draw();
  }

  draw() {
    if (!this.#shown || !this.#stage.width || !this.#stage.height) return;
    const { image, scene, skeleton, marked } = this.#shown;
    const sizes = this.#measured(skeleton);
    const stage = this.#stage;
    const view = this.#view ?? this.#whole();
    image.style.width = `${scene.width * view.scale}px`;
    image.style.height = `${scene.height * view.scale}px`;
    image.style.transform = `translate(${view.x}px, ${view.y}px)`;
    const places = this.#points().map((point) => toScreen(point, view));
    const radius = markRadius(...places, usualRadius(stage));
    this.#overlay.setAttribute("viewBox", `0 0 ${stage.width} ${stage.height}`);
    this.#overlay.replaceChildren(...marked.map(({ isGreen }, i) => mark(isGreen, ...places[i], radius)));
    const body = bodyPoints(scene.keypoints.map((point) => point && toScreen(point, view)), skeleton.bones);
    const labels = marked.map(({ joint }, i) => ({ at: places[i], ...sizes.labels[joint] }));
    const corners = placeLabels(labels, stage, radius + 3, body);
    corners.forEach(({ x, y }, i) => {
      this.#labels[i].style.transform = `translate(${x}px, ${y}px)`;
      this.#labels[i].hidden = isOff(places[i], stage, radius);
    });
    const boxes = corners.map((corner, i) => ({ ...labels[i], ...corner }));
    if (this.#figure) this.#figure.dataset.corner = freeCorner(places, stage, sizes.figure, boxes);
  }

  #points() {
    return this.#shown.marked.map(({ joint }) => this.#shown.scene.keypoints[joint]);
  }

  #whole() {
    const { scene } = this.#shown;
    return fit(personBox(scene.keypoints, scene), this.#stage, scene);
  }

  #look(view) {
    const wasZoomed = this.isZoomed;
    this.#view = view;
    this.#root.classList.toggle("picture--closer", this.isZoomed);
    if (wasZoomed !== this.isZoomed) this.#onZoom?.(this.isZoomed);
  }

  #resized({ width, height }) {
    this.#stage = { width, height };
    this.#sizes.clear();
    this.#look(null);
    this.draw();
  }

  /** Sizes of all labels and of the figure on this stage. */
  #measured(skeleton) {
    if (!this.#sizes.has(skeleton)) {
      const trial = skeleton.joints.map((name) =>
        Object.assign(document.createElement("span"), { className: "picture__label", textContent: name }),
      );
      this.#root.append(...trial);
      const labels = trial.map(({ offsetWidth: width, offsetHeight: height }) => ({ width, height }));
      const figure = this.#figure && { width: this.#figure.offsetWidth + 12, height: this.#figure.offsetHeight + 12 };
      trial.forEach((label) => label.remove());
      this.#sizes.set(skeleton, { labels, figure });
    }
    return this.#sizes.get(skeleton);
  }

  #takeGestures() {
    new Gestures(this.#root, {
      isCloser: () => this.isZoomed,
      zoom: (at, factor) => this.#zoom(at, factor),
      move: (dx, dy) => this.#move(dx, dy),
      tap: (at) => (this.isZoomed ? this.#backToWhole() : this.#zoom(at, TAPPED)),
    });
  }

  #zoom(at, factor) {
    if (!this.#shown) return;
    const whole = this.#whole();
    const now = this.#view ?? whole;
    const scale = Math.min(now.scale * factor, whole.scale * MOST);
    this.#look(scale <= whole.scale * 1.02 ? null : zoomedAt(now, at, scale, this.#stage, this.#shown.scene));
    this.draw();
  }

  #move(dx, dy) {
    if (!this.#view) return;
    this.#look(moved(this.#view, dx, dy, this.#stage, this.#shown.scene));
    this.draw();
  }

  #backToWhole() {
    this.#look(null);
    this.draw();
  }
}

function isOff([x, y], { width, height }, radius) {
  return x < -radius || y < -radius || x > width + radius || y > height + radius;
}
