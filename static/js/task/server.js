// Calls to the server: a token in a header, no cookie; a refusal is told from a failure.

const PATIENCE_MS = 10_000;

/** The server has understood and says no; asking again would not help. */
export class Refused extends Error {
  constructor(code, status, body) {
    super(code);
    this.code = code;
    this.status = status;
    this.body = body;
  }
}

/** No answer, or none that makes sense: try again later. */
export class Unreachable extends Error {}

export class Server {
  #token;
  #urls;

  constructor({ token, urls }) {
    this.#token = token;
    this.#urls = urls;
  }

  putAnswer({ number, ...answer }) {
    return this.#call("PUT", this.#urls.answers + number, answer);
  }

  putTutorialAnswer(attempt, position, choice) {
    return this.#call("PUT", `${this.#urls.tutorial}${attempt}/${position}`, { choice });
  }

  consent() {
    return this.#call("POST", this.#urls.consent, {});
  }

  state() {
    return this.#call("GET", this.#urls.state);
  }

  handIn(epoch, feedback) {
    return this.#call("POST", this.#urls.hand_in, { epoch, feedback });
  }

  async #call(method, url, body) {
    let response;
    let reply;
    try {
      response = await fetch(url, {
        method,
        headers: { Authorization: `Bearer ${this.#token}`, "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "omit",
        cache: "no-store",
        keepalive: method !== "GET",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      reply = await response.json();
    } catch (error) {
      throw new Unreachable(String(error));
    }
    if (response.ok) return reply;
    if (response.status >= 500 || response.status === 429 || response.status === 408 || !reply?.error) {
      throw new Unreachable(`status ${response.status}`);
    }
    throw new Refused(reply.error, response.status, reply);
  }
}

/** Calls again until the server answers; only a refusal ends it. */
export async function persist(call, onTrouble = () => {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const reply = await call();
      onTrouble(null);
      return reply;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      onTrouble(error);
      await pause(attempt);
    }
  }
}

/** Waits longer each time, never twice as long as others do, and no longer once the network is back. */
export function pause(attempt, random = Math.random) {
  const ms = Math.min(20_000, 400 * 2 ** Math.min(attempt, 10)) * (0.5 + random());
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      window.removeEventListener("online", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    window.addEventListener("online", wake);
  });
}
