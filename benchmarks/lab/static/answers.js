"use strict";
// What the worker answers, shown: count plots, measures, the verdict.

const SIDE = 28, CLASSES = 10;
const MEASURES = ["predictive_entropy", "mutual_information", "pairwise_disagreement"];

function element(selector, where = document) {
  return where.querySelector(selector);
}

/** The shares as columns; `texts` stand above those that are not empty. */
function fillPlot(plot, shares, texts, label) {
  [...plot.children].forEach((column, c) => {
    element(".count", column).textContent = texts[c];
    element(".height", column).style.height = `${100 * shares[c]}%`;
    column.classList.toggle("label", c === label);
  });
}

function votesText({ votes, members }, what) {
  const cast = votes.map((count, c) => [count, c]).filter(([count]) => count);
  cast.sort(([a], [b]) => b - a);
  return `${members} ${what}: ${cast.map(([count, c]) => `${count} for ${c}`).join(", ")}`;
}

function standing(share) {
  if (share === null) return "";
  if (share === 0) return "as certain as any test image";
  if (share === 1) return "more uncertain than all test images";
  return `more uncertain than ${(Math.floor(1000 * share) / 10).toFixed(1)} % of test images`;
}

function showMeasures(method, { measures, smaller }) {
  for (const measure of MEASURES) {
    const cell = element(`[data-cell="${method} ${measure}"]`);
    const value = measures[measure], share = smaller[measure];
    element(".value", cell).textContent = value === undefined ? "—" : value.toFixed(3);
    element(".standing", cell).textContent = value === undefined ? "" : standing(share);
    element(".meter", cell).style.setProperty("--share", share ?? 0);
  }
}

function showVotes(method, summary, what, label) {
  const plot = element(`[data-plot="${method}"]`);
  const shares = summary.votes.map((count) => count / summary.members);
  fillPlot(plot, shares, summary.votes.map((count) => count || ""), label);
  plot.setAttribute("aria-label", votesText(summary, what));
  showMeasures(method, summary);
}

function showSingle(summary, label) {
  const plot = element('[data-plot="softmax"]');
  const percents = summary.mean.map((p) => Math.round(100 * p));
  fillPlot(plot, summary.mean, percents.map((percent) => percent || ""), label);
  const named = percents.map((percent, c) => [percent, c]).filter(([percent]) => percent);
  named.sort(([a], [b]) => b - a);
  const text = named.map(([percent, c]) => `${c}: ${percent} %`).join(", ");
  plot.setAttribute("aria-label", `Probabilities of the single network: ${text}`);
  showMeasures("softmax", summary);
}

function showVerdict({ text, telling }) {
  const sentence = element("#verdict");
  sentence.textContent = text;
  sentence.classList.toggle("telling", telling);
}

/** What the networks see, 28x28 values in [0, 1]. */
function paint(canvas, pixels) {
  // So small a canvas needs no graphics card.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const image = context.createImageData(SIDE, SIDE);
  pixels.forEach((value, i) => {
    const byte = Math.round(255 * value);
    image.data.set([byte, byte, byte, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

function clearAnswers(text = "Draw a digit.") {
  for (const plot of document.querySelectorAll("[data-plot]")) {
    fillPlot(plot, new Array(CLASSES).fill(0), new Array(CLASSES).fill(""), null);
    plot.setAttribute("aria-label", "Nothing is drawn yet");
    showMeasures(plot.dataset.plot, { measures: {}, smaller: {} });
  }
  paint(element("#seen"), new Float32Array(SIDE * SIDE));
  showVerdict({ text, telling: false });
}

// One sentence: who is sure of the image, and who is not.

const SURE = 0.9, AGREED = 0.8;
// The same limits choose test images in benchmarks/lab/contents.py.

function percent(share) {
  return `${share < 1 ? Math.min(99, Math.round(100 * share)) : 100} %`;
}

function opening(sure, passesAgree, networksAgree, same) {
  if (!sure) return networksAgree ? "The single network is unsure, and the networks are not" : "None is sure";
  if (!networksAgree) return "The single network is sure, and the networks are not";
  if (!same) return "The single network and the networks contradict each other";
  return passesAgree ? "All choose the same" : "The single network and the networks are sure, the passes are not";
}

/** `{text, telling}`; telling: the single network is sure, and the networks are not. */
function verdict(single, passes, networks) {
  const confidence = Math.max(...single.mean), named = single.mean.indexOf(confidence);
  const most = ({ votes, members }) => {
    const count = Math.max(...votes);
    return { count, members, name: votes.indexOf(count), agree: count > AGREED * members };
  };
  const all = most(networks), sampled = most(passes), sure = confidence >= SURE;
  const begun = opening(sure, sampled.agree, all.agree, all.name === named);
  const text = `${begun}: it gives ${named} a probability of ${percent(confidence)}; ` +
    `${all.count} of the ${all.members} networks vote for ${all.name}, and ${sampled.count} of ` +
    `the ${sampled.members} passes for ${sampled.name}.`;
  return {
    text: text.replace(/^(None is sure|All choose the same): it/, "$1: the single network"),
    telling: sure && !all.agree,
  };
}
