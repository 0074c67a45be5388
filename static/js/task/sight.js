// A marketplace may give the page a frame that is higher than the window: then the buttons must not lie below its edge.

const LOWEST = 480;

/** Keeps --sight at the largest height of this frame that was ever in sight at once. */
export function fitToSight() {
  if (window.top === window) return;
  let seen = 0;
  const observer = new IntersectionObserver(
    ([{ intersectionRect }]) => {
      const height = Math.round(intersectionRect.height);
      if (height <= seen && height !== innerHeight) return;
      seen = height;
      document.documentElement.style.setProperty("--sight", `${Math.min(innerHeight, Math.max(LOWEST, seen))}px`);
    },
    { threshold: Array.from({ length: 51 }, (_, i) => i / 50) },
  );
  observer.observe(document.documentElement);
  window.addEventListener("resize", () => {
    seen = 0;
    observer.unobserve(document.documentElement);
    observer.observe(document.documentElement);
  });
}
