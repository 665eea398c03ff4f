"use strict";
// From what was drawn to the 28x28 pixels that networks see, as Python makes them.

const BOX = 20, LEAST_CONTRAST = 0.05, INK = 0.1;

/** To the nearest whole number, from the middle to the even one: Python's `round`. */
function round(value) {
  const below = Math.floor(value), rest = value - below;
  return rest === 0.5 ? below + below % 2 : Math.floor(value + 0.5);
}

/** Rotated counter-clockwise by degrees about the middle: bilinear, black outside. */
function rotated(image, degrees) {
  if (!degrees) return image;
  const angle = degrees * Math.PI / 180, cos = Math.cos(angle), sin = Math.sin(angle);
  const middle = (SIDE - 1) / 2, result = new Float32Array(image.length);
  const inside = (i) => i >= 0 && i < SIDE;
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const fromX = middle + cos * (x - middle) - sin * (y - middle);
      const fromY = middle + sin * (x - middle) + cos * (y - middle);
      const left = Math.floor(fromX), top = Math.floor(fromY);
      let value = 0, covered = 0;
      for (const row of [top, top + 1]) {
        for (const column of [left, left + 1]) {
          if (!inside(row) || !inside(column)) continue;
          const weight = (1 - Math.abs(fromX - column)) * (1 - Math.abs(fromY - row));
          value += weight * image[row * SIDE + column];
          covered += weight;
        }
      }
      // torchvision multiplies by the share that lies in the image once more.
      result[y * SIDE + x] = value * covered;
    }
  }
  return result;
}

/** Rows of pixels resized, box by box, as Pillow's `Resampling.BOX`; then transposed. */
function boxed(pixels, rows, columns, width) {
  const result = new Float32Array(width * rows), scale = columns / width;
  const support = 0.5 * Math.max(scale, 1);
  for (let to = 0; to < width; to++) {
    const centre = (to + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(columns, Math.trunc(centre + support + 0.5));
    const taken = [];
    for (let x = first; x < end; x++) {
      const distance = (x - centre + 0.5) / Math.max(scale, 1);
      if (distance > -0.5 && distance <= 0.5) taken.push(x);
    }
    for (let y = 0; y < rows; y++) {
      let sum = 0;
      for (const x of taken) sum += pixels[y * columns + x];
      result[to * rows + y] = sum / taken.length;
    }
  }
  return result;
}

/** The digit alone, its longer side 20 pixels; `null` where nothing is drawn. */
function cropped(ink, side) {
  const most = ink.reduce((a, b) => Math.max(a, b), 0);
  if (most < LEAST_CONTRAST) return null;
  let top = side, bottom = -1, left = side, right = -1;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (ink[y * side + x] < INK * most) continue;
      top = Math.min(top, y); bottom = Math.max(bottom, y);
      left = Math.min(left, x); right = Math.max(right, x);
    }
  }
  const rows = bottom - top + 1, columns = right - left + 1, scale = BOX / Math.max(rows, columns);
  const height = Math.max(1, round(rows * scale)), width = Math.max(1, round(columns * scale));
  const digit = new Float32Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const from = (top + y) * side + left;
    digit.set(ink.subarray(from, from + columns), y * columns);
  }
  const pixels = boxed(boxed(digit, rows, columns, width), width, rows, height);
  return { pixels, height, width };
}

/** As an MNIST image: in a box of 20x20, its centre of mass in the middle; `null` if blank.
 *  See benchmarks/check.py. */
function fitted(ink, side) {
  const digit = cropped(ink, side);
  if (digit === null) return null;
  const { pixels, height, width } = digit, most = pixels.reduce((a, b) => Math.max(a, b), 0);
  let mass = 0, down = 0, across = 0;
  pixels.forEach((value, i) => {
    mass += value;
    down += value * Math.floor(i / width);
    across += value * (i % width);
  });
  const start = (centre, length) =>
    Math.min(Math.max(round(SIDE / 2 - centre), 0), SIDE - length);
  const top = start(down / mass, height), left = start(across / mass, width);
  const image = new Float32Array(SIDE * SIDE);
  pixels.forEach((value, i) => {
    image[(top + Math.floor(i / width)) * SIDE + left + i % width] = value / most;
  });
  return image;
}
