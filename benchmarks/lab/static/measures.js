"use strict";
// What members say of an image, summarised; and where that stands among the test images.

function softmax(logits) {
  const largest = Math.max(...logits), powers = Array.from(logits, (one) => Math.exp(one - largest));
  const total = powers.reduce((sum, one) => sum + one);
  return powers.map((one) => one / total);
}

/** In nats. */
function entropy(probabilities) {
  return -probabilities.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
}

/** The first of the largest. */
function largest(values) {
  return values.indexOf(Math.max(...values));
}

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
    this.votes[largest(probabilities)] += 1;
    this.entropies += entropy(probabilities);
  }

  /** Measures as methods/scores defines them; one member has but the first. */
  get summary() {
    const { members, votes } = this, mean = this.sums.map((sum) => sum / members);
    const total = entropy(mean), measures = { predictive_entropy: total };
    if (members > 1) {
      const pairs = votes.reduce((sum, one) => sum + one * (one - 1), 0);
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
