// A closer look by hand: pinch and drag with fingers, wheel and drag with the mouse, two quick taps to and fro.
//
// One finger on the whole picture still scrolls the page, and so does the wheel where there is something to scroll or a
// marketplace's page around this one may have to be.

const WHEEL_STEP = 0.0016;
const STILL_PX = 4; // a press that moves less is no drag

export class Gestures {
  #area;
  #hands;
  #fingers = new Map(); // where each pressed pointer is, on the area

  /** @param hands {isCloser() -> bool, zoom([x, y], factor), move(dx, dy), tap([x, y])}, in the area's pixels */
  constructor(area, hands) {
    this.#area = area;
    this.#hands = hands;
    area.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    area.addEventListener("pointerdown", (event) => this.#down(event));
    area.addEventListener("pointermove", (event) => this.#moved(event));
    for (const end of ["pointerup", "pointercancel"]) area.addEventListener(end, (event) => this.#fingers.delete(event.pointerId));
    area.addEventListener("dblclick", (event) => hands.tap(this.#place(event)));
  }

  #place({ clientX, clientY }) {
    const { left, top } = this.#area.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  #wheel(event) {
    const scrolls = window.top !== window || document.scrollingElement.scrollHeight > innerHeight;
    if (scrolls && !event.ctrlKey && !this.#hands.isCloser()) return; // a trackpad's pinch comes as a wheel with Ctrl
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    this.#hands.zoom(this.#place(event), Math.exp(-event.deltaY * lines * WHEEL_STEP * (event.ctrlKey ? 5 : 1)));
  }

  #down(event) {
    if (event.button !== 0) return;
    const [x, y] = this.#place(event);
    this.#fingers.set(event.pointerId, { x, y, still: true });
    if (this.#hands.isCloser() || this.#fingers.size > 1) this.#area.setPointerCapture(event.pointerId);
  }

  #moved(event) {
    const finger = this.#fingers.get(event.pointerId);
    if (!finger) return;
    const [x, y] = this.#place(event);
    if (finger.still && Math.hypot(x - finger.x, y - finger.y) < STILL_PX) return;
    const others = [...this.#fingers].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    if (others.length === 0) this.#hands.move(x - finger.x, y - finger.y);
    else {
      const [other] = others;
      const [was, is] = [Math.hypot(finger.x - other.x, finger.y - other.y), Math.hypot(x - other.x, y - other.y)];
      this.#hands.zoom([(x + other.x) / 2, (y + other.y) / 2], is / Math.max(was, 1));
      this.#hands.move((x - finger.x) / 2, (y - finger.y) / 2);
    }
    Object.assign(finger, { x, y, still: false });
  }
}
