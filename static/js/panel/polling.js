/** Ask an address for JSON every two seconds, until told that there is nothing more to come. */

const EVERY_MS = 2000;
const SLOWEST_MS = 30000;

/**
 * `show(data)` is called with every answer and returns true to end it. A server that does
 * not answer is asked ever less often; a page in the background is not kept up to date.
 */
export function poll(url, show) {
  let wait = EVERY_MS;
  const ask = async () => {
    if (document.hidden) {
      document.addEventListener("visibilitychange", ask, { once: true });
      return;
    }
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.redirected || answer.status === 404) return; // logged out, or gone
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      wait = EVERY_MS;
      if (show(await answer.json())) return;
    } catch {
      wait = Math.min(wait * 2, SLOWEST_MS);
    }
    setTimeout(ask, wait);
  };
  setTimeout(ask, EVERY_MS / 2);
}
