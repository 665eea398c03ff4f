"use strict";
// LeNet-5's forward pass, as methods/networks/architectures.py has it, and summaries of members.

const SIDE = 28, CLASSES = 10;
const RESIZED = 32, KERNEL = 5;
const FIRST = 6, SECOND = 16, HIDDEN = 120, FEATURES = 84;
const ALL = new Float32Array(FIRST + SECOND).fill(1);

const SHAPES = [
  ["conv1", FIRST, KERNEL * KERNEL], ["conv2", SECOND, FIRST * KERNEL * KERNEL],
  ["linear1", HIDDEN, SECOND * 25], ["linear2", FEATURES, HIDDEN], ["head", CLASSES, FEATURES],
];

/** Layers from the bytes that benchmarks/lab/contents.py writes. */
function unpacked(bytes) {
  let at = 0;
  const take = (length) => bytes.slice(at, at += length).buffer;
  const layers = {};
  for (const [name, rows, columns] of SHAPES) {
    const scales = new Float32Array(take(4 * rows)), whole = new Int8Array(take(rows * columns));
    const weight = Float32Array.from(whole, (number, i) => number * scales[(i / columns) | 0]);
    layers[name] = { weight, bias: new Float32Array(take(4 * rows)) };
  }
  if (at !== bytes.length) throw new Error(`a network has ${bytes.length} bytes, not ${at}`);
  return layers;
}

/** 28x28 pixels to 32x32, bilinear between the centres of pixels. */
function resized(image) {
  const result = new Float32Array(RESIZED * RESIZED), near = new Int32Array(RESIZED);
  const share = new Float64Array(RESIZED);
  for (let i = 0; i < RESIZED; i++) {
    const from = Math.max(0, (i + 0.5) * SIDE / RESIZED - 0.5);
    near[i] = Math.floor(from);
    share[i] = from - near[i];
  }
  for (let y = 0; y < RESIZED; y++) {
    const above = near[y] * SIDE, below = Math.min(near[y] + 1, SIDE - 1) * SIDE;
    for (let x = 0; x < RESIZED; x++) {
      const left = near[x], right = Math.min(left + 1, SIDE - 1), s = share[x];
      const top = image[above + left] * (1 - s) + image[above + right] * s;
      const bottom = image[below + left] * (1 - s) + image[below + right] * s;
      result[y * RESIZED + x] = top * (1 - share[y]) + bottom * share[y];
    }
  }
  return result;
}

/** Adds a map, convolved by 5x5 weights, to the sums; `from`, `at`, `to` are where each begins. */
function addConvolved(maps, from, side, weight, at, sums, to) {
  const size = side - KERNEL + 1;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let sum = 0, tap = at;
      for (let row = from + y * side + x, end = row + KERNEL * side; row < end; row += side) {
        for (let pixel = row; pixel < row + KERNEL; pixel++) sum += weight[tap++] * maps[pixel];
      }
      sums[to + y * size + x] += sum;
    }
  }
}

/** What a layer's sums become, and a square of them, by the names of architectures. */
const FORMS = {
  lenet5: {
    activated: Math.tanh,
    joined: (a, b, c, d) => (Math.tanh(a) + Math.tanh(b) + Math.tanh(c) + Math.tanh(d)) / 4,
  },
  lenet5_relu: {
    activated: (sum) => Math.max(0, sum),
    joined: (a, b, c, d) => Math.max(0, a, b, c, d),
  },
};

/** Activated, at half the size, each channel times its scale. */
function pooled({ joined }, sums, side, scales) {
  const half = side / 2, result = new Float32Array(sums.length / 4);
  for (let channel = 0, i = 0; channel < scales.length; channel++) {
    for (let y = 0; y < half; y++) {
      let at = channel * side * side + 2 * y * side;
      for (let x = 0; x < half; x++, at += 2, i++) {
        if (scales[channel] === 0) continue;
        const below = at + side;
        const square = joined(sums[at], sums[at + 1], sums[below], sums[below + 1]);
        result[i] = scales[channel] * square;
      }
    }
  }
  return result;
}

function linear({ weight, bias }, inputs) {
  const width = inputs.length, sums = new Float32Array(bias);
  for (let row = 0, at = 0; row < bias.length; row++, at += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += weight[at + i] * inputs[i];
    sums[row] += sum;
  }
  return sums;
}

/** What each map of the first convolution, taken alone, adds to those of the second. */
function secondTerms(network, image) {
  const { conv1, conv2 } = network.layers, side = RESIZED - KERNEL + 1, size = side * side;
  const entering = resized(image).map((pixel) => (pixel - network.mean) / network.std);
  const sums = new Float32Array(FIRST * size);
  for (let map = 0; map < FIRST; map++) {
    sums.fill(conv1.bias[map], map * size, (map + 1) * size);
    addConvolved(entering, 0, RESIZED, conv1.weight, 25 * map, sums, map * size);
  }
  const maps = pooled(FORMS[network.form], sums, side, new Float32Array(FIRST).fill(1));
  return Array.from({ length: FIRST }, (_, first) => {
    const term = new Float32Array(SECOND * 100);
    for (let second = 0; second < SECOND; second++) {
      const tap = 25 * (second * FIRST + first);
      addConvolved(maps, 196 * first, 14, conv2.weight, tap, term, 100 * second);
    }
    return term;
  });
}

/** Logits of the sub-network that multiplies the 22 channels by these scales. */
function logitsOfTerms(network, terms, scales) {
  const { conv2, linear1, linear2, head } = network.layers, form = FORMS[network.form];
  const sums = new Float32Array(SECOND * 100);
  for (let map = 0; map < SECOND; map++) sums.fill(conv2.bias[map], 100 * map, 100 * (map + 1));
  terms.forEach((term, first) => {
    const scale = scales[first];
    if (scale !== 0) for (let i = 0; i < sums.length; i++) sums[i] += scale * term[i];
  });
  const flat = pooled(form, sums, 10, scales.subarray(FIRST));
  const hidden = linear(linear1, flat).map(form.activated);
  return linear(head, linear(linear2, hidden).map(form.activated));
}

/** Scales of the 22 channels: one that a pass keeps makes up for those that it drops. */
function scalesOf(network, mask) {
  return Float32Array.from(mask, (kept) => kept / (1 - network.dropout));
}

function softmax(logits) {
  const most = Math.max(...logits), powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const total = powers.reduce((sum, power) => sum + power);
  return powers.map((power) => power / total);
}

/** The mean probabilities of members, the class they answer and its votes; the first of equals. */
function summaryOf(members) {
  const votes = new Array(CLASSES).fill(0), mean = new Array(CLASSES).fill(0);
  for (const probabilities of members.map(softmax)) {
    probabilities.forEach((p, c) => { mean[c] += p / members.length; });
    votes[probabilities.indexOf(Math.max(...probabilities))] += 1;
  }
  const confidence = Math.max(...mean);
  return { members: members.length, votes, mean, confidence, answer: mean.indexOf(confidence) };
}
