"use strict";
// What the worker answers, shown and judged: votes, right or wrong, the lesson.

const SIDE = 28, CLASSES = 10;
const NO_CLASS = -1;  // the truth about a letter; null: nobody knows it
const AGREED = 0.8;
const METHODS = {
  deep_ensemble: "the ensemble", mc_dropout: "MC-dropout", softmax: "the single network",
};
const VOTERS = { deep_ensemble: "networks", mc_dropout: "passes" };

function element(selector, where = document) {
  return where.querySelector(selector);
}

/** In whole percent, which are 100 only of the whole. */
function percent(share) {
  return share > 0.995 && share < 1 ? ">99" : String(Math.round(100 * share));
}

function judged(answer, truth) {
  if (truth === null) return "";
  return answer === truth ? "right" : "wrong";
}

const MARKS = { right: "✓ right: ", wrong: "✗ wrong: ", "": "" };

/** What a method answers, whether that is right, and by how many. */
function outcome({ members, votes, answer, confidence }, truth) {
  const share = members > 1 ? `${votes[answer]} of ${members}` : `${percent(confidence)} %`;
  return `${MARKS[judged(answer, truth)]}${answer}, ${share}`;
}

/** The shares as columns; `texts` stand above those that are not empty. */
function fillPlot(plot, shares, texts, truth, label) {
  [...plot.children].forEach((column, c) => {
    element(".count", column).textContent = texts[c];
    column.style.setProperty("--share", shares[c]);
    column.classList.toggle("label", c === truth);
  });
  plot.setAttribute("aria-label", label);
}

/** Votes of members, or the probabilities of a network in percent. */
function showShares(plot, { members, votes, mean }, truth, what) {
  const shares = members > 1 ? votes.map((count) => count / members) : mean;
  const texts = members > 1 ? votes.map((count) => String(count)) : mean.map(percent);
  const named = shares.map((share, c) => [share, c]).filter(([, c]) => texts[c] !== "0");
  named.sort(([a], [b]) => b - a);
  const label = `${what}: ${named.map(([, c]) => `${texts[c]} for ${c}`).join(", ")}`;
  fillPlot(plot, shares, texts.map((text) => (text === "0" ? "" : text)), truth, label);
}

function showOutcome(place, text, tone) {
  place.textContent = text;
  place.classList.toggle("right", tone === "right");
  place.classList.toggle("wrong", tone === "wrong");
}

function showMethod(method, summary, truth) {
  const { members } = summary;
  const what = members > 1 ? `Votes of ${members} ${VOTERS[method]}` : "Probabilities in %";
  element(`[data-what="${method}"]`).textContent = what;
  showShares(element(`[data-plot="${method}"]`), summary, truth, what);
  const tone = judged(summary.answer, truth);
  showOutcome(element(`[data-outcome="${method}"]`), outcome(summary, truth), tone);
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

function showVerdict({ text, lesson = "", tone = "" }) {
  showOutcome(element("#verdict"), "", tone);
  for (const [tag, words] of [["span", text], ["strong", lesson]]) {
    const part = document.createElement(tag);
    part.textContent = words;
    element("#verdict").append(part, " ");
  }
}

function clearAnswers(text = "Draw a digit.") {
  const none = new Array(CLASSES).fill("");
  for (const plot of document.querySelectorAll("[data-plot]")) {
    fillPlot(plot, none.map(() => 0), none, null, "Nothing is drawn yet");
  }
  for (const place of document.querySelectorAll("[data-outcome], #subnetwork")) {
    showOutcome(place, "", "");
  }
  paint(element("#seen"), new Float32Array(SIDE * SIDE));
  showVerdict({ text });
}

function listed(methods) {
  const names = methods.map((method) => METHODS[method]);
  return [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(" and ");
}

const isDivided = ({ votes, members, answer }) => votes[answer] < AGREED * members;

/** What follows from who is wrong, and by how many; "" where agreement and truth go together. */
function lessonOf(given, wrong) {
  const voters = ["deep_ensemble", "mc_dropout"];
  const mistaken = voters.filter((method) => wrong.includes(method));
  const agreed = mistaken.filter((method) => !isDivided(given[method]));
  if (agreed.length) return "Agreement is not knowledge.";
  if (mistaken.length) {
    const { confidence } = given.softmax, sure = wrong.includes("softmax") && confidence >= AGREED;
    const single = `; the single network, ${percent(confidence)} % confident, does not`;
    return `Here disagreement warns${sure ? single : ""}.`;
  }
  if (wrong.length) return "Here the votes know better than the single network.";
  const divided = voters.some((method) => isDivided(given[method]));
  return divided ? "Disagreement is no error: the answer is right, though votes are divided." : "";
}

/** What follows where nobody knows the class: from who is divided, and about what. */
function lessonWithoutLabel({ deep_ensemble: networks, mc_dropout: passes, softmax: single }) {
  const divided = [isDivided(networks), isDivided(passes)];
  const sure = single.confidence >= AGREED ? `, though the single network is ${
    percent(single.confidence)} % confident` : "";
  if (divided[0] && divided[1]) return `Both are divided: the answer is a guess${sure}.`;
  if (divided[0]) return "The networks are divided, and MC-dropout does not notice.";
  if (divided[1]) return "MC-dropout is divided, and the networks are not.";
  if (networks.answer !== passes.answer) return "Each is sure of another class: one is wrong.";
  return `If you meant no ${networks.answer}: agreement is not knowledge.`;
}

/** How many members vote for the answer; and for the class with most votes, if that is another. */
function voting(method, { votes, members, answer }) {
  const text = `${votes[answer]} of ${members} ${VOTERS[method]} vote ${answer}`;
  const first = votes.indexOf(Math.max(...votes));
  return votes[first] === votes[answer] ? text : `${text}, the answer of their mean, and ${
    votes[first]} vote ${first}`;
}

/** `{text, lesson, tone}`: who is right, and how many vote for what. */
function verdict(given, truth) {
  const votes = Object.keys(VOTERS).map((method) => voting(method, given[method])).join("; ");
  if (truth === null) return { text: `No label is known. ${votes}.`, lesson: lessonWithoutLabel(given) };
  const all = Object.keys(METHODS), wrong = all.filter((method) => given[method].answer !== truth);
  const lesson = lessonOf(given, wrong);
  if (!wrong.length) return { text: `Right: ${votes}.`, lesson, tone: "right" };
  if (wrong.length === all.length) {
    const why = truth === NO_CLASS ? "all ten classes are, for a K" : `the label is ${truth}`;
    return { text: `Wrong: ${why}. ${votes}.`, lesson, tone: "wrong" };
  }
  const right = all.filter((method) => !wrong.includes(method));
  return { text: `Wrong: ${listed(wrong)}; right: ${listed(right)}. ${votes}.`, lesson };
}
