/**
 * Draw the page anew, once something has ended; not while it is being left, which would call whoever left it back, nor between
 * pressing a button and letting it go, which would lose the click.
 */

const LEAVING_MS = 10_000; // a press on a link has precedence; after a download the page stays where it is
const AGAIN_MS = 100;

let leftAt = -Infinity;
addEventListener("beforeunload", () => (leftAt = performance.now()));

let isPressed = false;
addEventListener("pointerdown", () => (isPressed = true), true);
for (const end of ["pointerup", "pointercancel", "dragend", "blur"]) {
  addEventListener(end, () => setTimeout(() => (isPressed = false)), true); // after the click
}

export function redraw() {
  const wait = isPressed ? AGAIN_MS : leftAt + LEAVING_MS - performance.now();
  if (wait > 0) setTimeout(redraw, wait);
  else location.reload();
}
