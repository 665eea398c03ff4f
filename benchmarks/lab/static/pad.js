"use strict";
// The canvas: strokes by mouse, pen, finger or keyboard, white on black.

const PAD = 280, PEN = 22, STEP = 10;

class Pad {
  /** `changed` is called after each change, with whether the stroke has ended. */
  constructor(canvas, cursor, changed) {
    Object.assign(this, { canvas, cursor, changed, isImage: false, degrees: 0 });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    const pen = { lineCap: "round", lineJoin: "round", lineWidth: PEN, strokeStyle: "#fff" };
    Object.assign(this.context, pen);
    this.last = null;
    this.hand = { x: PAD / 2, y: PAD / 2, down: false };
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.follow(event));
    canvas.addEventListener("pointerup", (event) => { this.follow(event); this.end(); });
    canvas.addEventListener("pointercancel", () => this.end());
    canvas.addEventListener("keydown", (event) => this.type(event));
    canvas.addEventListener("focus", () => this.showHand());
    canvas.addEventListener("blur", () => { this.hand.down = false; cursor.hidden = true; });
    this.wipe();
  }

  wipe() {
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, PAD, PAD);
    this.isImage = false;
  }

  /** A test image; a stroke then begins a new drawing. */
  show(pixels) {
    const step = PAD / SIDE;
    this.wipe();
    this.isImage = true;
    pixels.forEach((byte, i) => {
      this.context.fillStyle = `rgb(${byte} ${byte} ${byte})`;
      this.context.fillRect(step * (i % SIDE), step * Math.floor(i / SIDE), step, step);
    });
  }

  /** A line through points in pixels; a dot where they are one. */
  line(points) {
    const { context } = this;
    if (this.isImage) this.wipe();
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point);
    context.stroke();
  }

  read() {
    return this.context.getImageData(0, 0, PAD, PAD).data;
  }

  /** Turned counter-clockwise, with all that is drawn later. */
  turn(degrees) {
    this.degrees = degrees;
    this.canvas.style.rotate = `${-degrees}deg`;
    this.showHand();
  }

  /** A point turned about the middle, clockwise as it is seen. */
  turned([x, y], degrees) {
    const angle = degrees * Math.PI / 180, cos = Math.cos(angle), sin = Math.sin(angle);
    const [right, down] = [x - PAD / 2, y - PAD / 2];
    return [PAD / 2 + cos * right - sin * down, PAD / 2 + sin * right + cos * down];
  }

  place({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.parentElement.getBoundingClientRect();
    const point = [(clientX - left) * PAD / width, (clientY - top) * PAD / height];
    return this.turned(point, this.degrees);
  }

  begin(event) {
    if (event.button > 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.line([this.last]);
    this.changed(false);
  }

  follow(event) {
    if (!this.last) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    const points = [this.last, ...(passed.length ? passed : [event]).map((at) => this.place(at))];
    this.line(points);
    this.last = points.at(-1);
    this.changed(false);
  }

  end() {
    if (!this.last) return;
    this.last = null;
    this.changed(true);
  }

  type(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const { hand } = this, from = [hand.x, hand.y];
    if (event.key === " ") hand.down = !hand.down;
    else if (ways[event.key]) {
      const [right, down] = ways[event.key];
      hand.x = Math.min(PAD, Math.max(0, hand.x + right * STEP));
      hand.y = Math.min(PAD, Math.max(0, hand.y + down * STEP));
    } else return;
    event.preventDefault();
    if (hand.down) {
      this.line([from, [hand.x, hand.y]]);
      this.changed(true);
    }
    this.showHand();
  }

  showHand() {
    if (!this.canvas.matches(":focus-visible")) return;
    const { cursor, hand } = this, [x, y] = this.turned([hand.x, hand.y], -this.degrees);
    cursor.hidden = false;
    cursor.style.left = `${100 * x / PAD}%`;
    cursor.style.top = `${100 * y / PAD}%`;
    cursor.classList.toggle("down", hand.down);
  }
}
