"use strict";
// LeNet-5's forward pass, as methods/networks/architectures.py has it; what members say, summarised.

const SIDE = 28, CLASSES = 10;
const RESIZED = 32, KERNEL = 5;
const FIRST = 6, SECOND = 16, HIDDEN = 120, FEATURES = 84;

const SHAPES = [
  ["conv1", FIRST, KERNEL * KERNEL], ["conv2", SECOND, FIRST * KERNEL * KERNEL],
  ["linear1", HIDDEN, SECOND * 25], ["linear2", FEATURES, HIDDEN], ["head", CLASSES, FEATURES],
];

const POOLS = {
  lenet5: (a, b, c, d) => (Math.tanh(a) + Math.tanh(b) + Math.tanh(c) + Math.tanh(d)) / 4,
  lenet5_relu: (a, b, c, d) => Math.max(0, a, b, c, d),
};
const ACTIVATIONS = { lenet5: Math.tanh, lenet5_relu: (sum) => Math.max(0, sum) };

/** A number of two bytes: sign, 5 bits of exponent, 10 of fraction. */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Layers from the bytes that benchmarks/lab/contents.py writes. */
function unpacked(bytes, inEightBits) {
  let at = 0;
  const take = (length) => bytes.slice(at, at += length).buffer;
  const halves = (count) => Float32Array.from(new Uint16Array(take(2 * count)), half);
  const scaled = (rows, columns) => {
    const scales = new Float32Array(take(4 * rows));
    const whole = new Int8Array(take(rows * columns));
    return Float32Array.from(whole, (number, i) => number * scales[Math.floor(i / columns)]);
  };
  const layers = {};
  for (const [name, rows, columns] of SHAPES) {
    const weight = inEightBits.includes(name) ? scaled(rows, columns) : halves(rows * columns);
    layers[name] = { weight, bias: halves(rows) };
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

/** Activated and pooled in squares of 2x2, each channel times its scale. */
function pooled(sums, side, pool, scales) {
  const half = side / 2, result = new Float32Array(sums.length / 4);
  for (let channel = 0, i = 0; channel < scales.length; channel++) {
    for (let y = 0; y < half; y++) {
      let at = channel * side * side + 2 * y * side;
      for (let x = 0; x < half; x++, at += 2, i++) {
        if (scales[channel] === 0) continue;
        const square = pool(sums[at], sums[at + 1], sums[at + side], sums[at + side + 1]);
        result[i] = square * scales[channel];
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
  const maps = pooled(sums, side, POOLS[network.name], new Float32Array(FIRST).fill(1));
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
  const { conv2, linear1, linear2, head } = network.layers;
  const activate = ACTIVATIONS[network.name], sums = new Float32Array(SECOND * 100);
  for (let map = 0; map < SECOND; map++) sums.fill(conv2.bias[map], 100 * map, 100 * (map + 1));
  terms.forEach((term, first) => {
    const scale = scales[first];
    if (scale !== 0) for (let i = 0; i < sums.length; i++) sums[i] += scale * term[i];
  });
  const flat = pooled(sums, 10, POOLS[network.name], scales.subarray(FIRST));
  const hidden = linear(linear1, flat).map(activate);
  return linear(head, linear(linear2, hidden).map(activate));
}

/** Logits of an image in [0, 1], dropout off. */
function logits(network, image) {
  const all = new Float32Array(FIRST + SECOND).fill(1);
  return logitsOfTerms(network, secondTerms(network, image), all);
}

/** Logits of an image under each mask: 22 channels, 1 where one is kept. */
function passLogits(network, image, masks) {
  const terms = secondTerms(network, image), kept = 1 / (1 - network.dropout);
  return masks.map((mask) => logitsOfTerms(network, terms, Float32Array.from(mask, (k) => k * kept)));
}

function softmax(logits) {
  const most = Math.max(...logits), powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const total = powers.reduce((sum, power) => sum + power);
  return powers.map((power) => power / total);
}

/** In nats. */
function entropy(probabilities) {
  return -probabilities.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
}

/** Sums over members; of equally many votes the first class wins. */
class Tally {
  constructor() {
    this.members = 0;
    this.sums = new Array(CLASSES).fill(0);
    this.votes = new Array(CLASSES).fill(0);
    this.entropies = 0;
  }

  add(logits) {
    const probabilities = softmax(logits);
    this.members += 1;
    probabilities.forEach((p, c) => { this.sums[c] += p; });
    this.votes[probabilities.indexOf(Math.max(...probabilities))] += 1;
    this.entropies += entropy(probabilities);
  }

  /** Measures as methods/scores defines them; one member has but the first. */
  get summary() {
    const { members, votes } = this, mean = this.sums.map((sum) => sum / members);
    const total = entropy(mean), measures = { predictive_entropy: total };
    if (members > 1) {
      const pairs = votes.reduce((sum, count) => sum + count * (count - 1), 0);
      measures.mutual_information = Math.max(0, total - this.entropies / members);
      measures.pairwise_disagreement = 1 - pairs / (members * (members - 1));
    }
    return { members, votes: [...votes], mean, measures };
  }
}

/** How many of the ascending values are smaller. */
function smaller(sorted, value) {
  let low = 0, high = sorted.length;
  // Both were computed in other orders of the same sums.
  const limit = value - 1e-6;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < limit) low = middle + 1; else high = middle;
  }
  return low;
}
