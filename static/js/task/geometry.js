// Where things go, as pure functions of numbers: boxes and points in pixels of the image or of the screen.

/** The smallest box around a person's keypoints, with a margin (a share of its longer side), inside the image. */
export function personBox(keypoints, { width, height }, margin = 0.18) {
  const points = keypoints.filter(Boolean);
  const box = bounds(points);
  const pad = Math.max(box.width, box.height, 1) * margin;
  return inside(grow(box, pad), { width, height });
}

/** A box around two points that shows what lies about them: for a closer look. */
export function pairBox(first, second, person) {
  const box = bounds([first, second]);
  const reach = Math.max(box.width, box.height);
  const pad = Math.max(reach * 0.35, Math.max(person.width, person.height) * 0.14);
  return grow(box, pad);
}

export function bounds(points) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function grow({ x, y, width, height }, pad) {
  return { x: x - pad, y: y - pad, width: width + 2 * pad, height: height + 2 * pad };
}

function inside(box, { width, height }) {
  const x = Math.min(Math.max(box.x, 0), width);
  const y = Math.min(Math.max(box.y, 0), height);
  return {
    x,
    y,
    width: Math.max(1, Math.min(box.x + box.width, width) - x),
    height: Math.max(1, Math.min(box.y + box.height, height) - y),
  };
}

/**
 * How the image lies on the stage so that the whole box is seen, as large as possible.
 * The stage shows more of the image where there is room, and no emptiness where there is image.
 * @returns {{scale: number, x: number, y: number}} screen = image * scale + (x, y)
 */
export function fit(box, stage, image, largestScale = 12) {
  const scale = Math.min(stage.width / box.width, stage.height / box.height, largestScale);
  return {
    scale,
    x: offset(box.x + box.width / 2, stage.width, image.width, scale),
    y: offset(box.y + box.height / 2, stage.height, image.height, scale),
  };
}

function offset(centre, stage, image, scale) {
  const free = stage - image * scale;
  if (free >= 0) return free / 2;
  return Math.min(0, Math.max(free, stage / 2 - centre * scale));
}

/** The view of that scale that shows a point of the image in the middle of the stage, as far as the image reaches. */
export function centred([x, y], scale, stage, image) {
  return {
    scale,
    x: offset(x, stage.width, image.width, scale),
    y: offset(y, stage.height, image.height, scale),
  };
}

/** Another scale with the same point of the image under `at`, as far as the image reaches. */
export function zoomedAt(view, [x, y], scale, stage, image) {
  const ratio = scale / view.scale;
  return within({ scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio }, stage, image);
}

/** The image pushed by that many pixels of the screen, as far as it reaches. */
export function moved(view, dx, dy, stage, image) {
  return within({ scale: view.scale, x: view.x + dx, y: view.y + dy }, stage, image);
}

function within({ scale, x, y }, stage, image) {
  const along = (place, free) => (free >= 0 ? free / 2 : clamp(place, free, 0));
  return { scale, x: along(x, stage.width - image.width * scale), y: along(y, stage.height - image.height * scale) };
}

export function toScreen([x, y], view) {
  return [x * view.scale + view.x, y * view.scale + view.y];
}

/** The marks' radius on a stage of that size, in screen pixels. */
export function usualRadius({ width, height }) {
  return Math.max(9, Math.min(32, Math.min(width, height) / 55));
}

/** The marks' radius in screen pixels: smaller where they would cover each other. */
export function markRadius([x1, y1], [x2, y2], usual, smallest = 5) {
  const distance = Math.hypot(x1 - x2, y1 - y2);
  return Math.max(smallest, Math.min(usual, distance / 2 - 3));
}

/** Points along the bones, so that what covers a limb can be told; `points` may have gaps. */
export function bodyPoints(points, bones, perBone = 4) {
  const body = points.filter(Boolean);
  for (const [a, b] of bones) {
    if (!points[a] || !points[b]) continue;
    for (let i = 1; i < perBone; i += 1) {
      body.push([0, 1].map((axis) => points[a][axis] + ((points[b][axis] - points[a][axis]) * i) / perBone));
    }
  }
  return body;
}

/**
 * Where two name labels go: beside their own mark, off both marks and off each other, on the stage,
 * and off the body where there is a choice.
 * @param {{at: number[], width: number, height: number}[]} labels `at` is the mark's centre
 * @param {number[][]} body points that are better left uncovered
 * @returns {{x: number, y: number}[]} the labels' upper left corners
 */
export function placeLabels(labels, stage, radius, body = []) {
  const marks = labels.map(({ at: [x, y] }) => ({ x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius }));
  const options = labels.map((label) =>
    candidates(label, radius).map((place) => ({ ...place, cost: place.cost + 12 * covered(sized(place, label), body) })),
  );
  let best = null;
  for (const one of options[0]) {
    for (const two of options[1]) {
      const boxes = [sized(one, labels[0]), sized(two, labels[1])];
      const cost =
        one.cost + two.cost + 20 * overlap(boxes[0], boxes[1]) +
        boxes.reduce((sum, box) => sum + outside(box, stage) * 10 + marks.reduce((s, mark) => s + 10 * overlap(box, mark), 0), 0);
      if (best === null || cost < best.cost) best = { cost, boxes };
    }
  }
  return best.boxes.map((box) => ({
    x: clamp(box.x, 2, stage.width - box.width - 2),
    y: clamp(box.y, 2, stage.height - box.height - 2),
  }));
}

function candidates({ at: [x, y], width, height }, radius) {
  const gap = radius + 7;
  return [
    { x: x + gap, y: y - height / 2, cost: 0 },
    { x: x - gap - width, y: y - height / 2, cost: 1 },
    { x: x - width / 2, y: y - gap - height, cost: 2 },
    { x: x - width / 2, y: y + gap, cost: 3 },
    { x: x + gap * 0.7, y: y - gap * 0.7 - height, cost: 4 },
    { x: x + gap * 0.7, y: y + gap * 0.7, cost: 5 },
    { x: x - gap * 0.7 - width, y: y - gap * 0.7 - height, cost: 6 },
    { x: x - gap * 0.7 - width, y: y + gap * 0.7, cost: 7 },
  ];
}

const covered = ({ x, y, width, height }, points) =>
  points.filter(([px, py]) => px > x - 4 && px < x + width + 4 && py > y - 4 && py < y + height + 4).length;
const sized = ({ x, y }, { width, height }) => ({ x, y, width, height });
const clamp = (value, low, high) => Math.max(low, Math.min(value, Math.max(low, high)));

/** Area that two boxes share. */
export function overlap(a, b) {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

function outside(box, stage) {
  return box.width * box.height - overlap(box, { x: 0, y: 0, ...stage });
}

/**
 * The corner for an inset of that size: the usual one unless it would come near a point that matters or cover a box that is read.
 * @returns {"end-bottom"|"end-top"|"start-bottom"|"start-top"} start is left
 */
export function freeCorner(points, stage, inset, boxes = [], usual = "end-bottom") {
  const corners = {
    "end-bottom": { x: stage.width - inset.width, y: stage.height - inset.height },
    "end-top": { x: stage.width - inset.width, y: 0 },
    "start-bottom": { x: 0, y: stage.height - inset.height },
    "start-top": { x: 0, y: 0 },
  };
  const enough = 34;
  const room = (name) => {
    const box = { ...corners[name], ...inset };
    const clearance = Math.min(...points.map((point) => distanceToBox(point, box)));
    const hidden = boxes.reduce((sum, other) => sum + overlap(box, other), 0);
    return Math.min(clearance, enough) - (hidden > 0 ? 1 + hidden / 100 : 0);
  };
  if (room(usual) >= enough) return usual;
  const names = Object.keys(corners);
  return names.find((name) => room(name) >= enough) ?? names.reduce((a, b) => (room(b) > room(a) ? b : a));
}

function distanceToBox([x, y], box) {
  const dx = Math.max(box.x - x, 0, x - box.x - box.width);
  const dy = Math.max(box.y - y, 0, y - box.y - box.height);
  return Math.hypot(dx, dy);
}
