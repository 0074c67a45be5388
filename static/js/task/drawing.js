// SVG made by hand: the two marks and the reference figure.

import { markRadius } from "./geometry.js";

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Green is a ring, pink a diamond: told apart by colour and by shape; light and dark edges show on any picture. */
export function mark(isGreen, x = 0, y = 0, radius = 10) {
  const group = svg("g", { class: isGreen ? "mark mark--green" : "mark mark--pink", transform: `translate(${x} ${y})` });
  const line = Math.max(2.5, radius * 0.34);
  for (const [layer, width] of [["light", line + 5], ["dark", line + 2.4], ["colour", line]]) {
    group.append(outline(isGreen, radius, { class: `mark__${layer}`, "stroke-width": width, fill: "none" }));
  }
  return group;
}

function outline(isRing, radius, attributes) {
  if (isRing) return svg("circle", { r: radius, ...attributes });
  const reach = radius * 1.22;
  return svg("path", { d: `M0 ${-reach}L${reach} 0 0 ${reach} ${-reach} 0Z`, "stroke-linejoin": "round", ...attributes });
}

/**
 * A person standing and facing the viewer, with the same two marks: tells right from left.
 * `joints` are [x, y] in 0 to 1, y down.
 */
export function referenceFigure({ figure, bones, head, torso }, marked) {
  const points = figure.map(([x, y]) => [x * 100, y * 100]);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, top] = [Math.min(...xs) - 13, Math.min(...ys) - 12];
  const [width, height] = [Math.max(...xs) - left + 13, Math.max(...ys) - top + 12];
  const drawing = svg("svg", { viewBox: `${left} ${top} ${width} ${height}`, class: "figure__drawing", "aria-hidden": "true" });
  const body = svg("g", { class: "figure__body" });
  if (torso) body.append(svg("path", { d: `M${torso.map((joint) => points[joint].join(" ")).join("L")}Z` }));
  for (const [a, b] of bones) {
    body.append(svg("line", { x1: points[a][0], y1: points[a][1], x2: points[b][0], y2: points[b][1] }));
  }
  if (head) {
    const [low, high] = head.map((joint) => points[joint]);
    const centre = [(low[0] * 0.35 + high[0] * 0.65), (low[1] * 0.35 + high[1] * 0.65)];
    body.append(svg("circle", { cx: centre[0], cy: centre[1], r: Math.max(6, Math.hypot(high[0] - low[0], high[1] - low[1]) * 0.5), class: "figure__head" }));
  }
  drawing.append(body);
  const radius = markRadius(...marked.map(({ joint }) => points[joint]), 6, 3.5);
  for (const { joint, isGreen } of marked) drawing.append(mark(isGreen, points[joint][0], points[joint][1], radius));
  return drawing;
}
