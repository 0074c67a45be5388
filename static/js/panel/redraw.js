/** Draw the page anew, once something has ended; not while it is being left, which would call whoever left it back. */

const LEAVING_MS = 10_000; // a press on a link has precedence; after a download the page stays where it is

let leftAt = -Infinity;
addEventListener("beforeunload", () => (leftAt = performance.now()));

export function redraw() {
  const wait = leftAt + LEAVING_MS - performance.now();
  if (wait > 0) setTimeout(redraw, wait);
  else location.reload();
}
