"use strict";
// The page: what is asked of the worker, and when.

const K = [  // strokes of points in a square of side 1
  [[0.31, 0.16], [0.3, 0.34], [0.31, 0.52], [0.3, 0.7], [0.31, 0.86]],
  [[0.71, 0.18], [0.6, 0.31], [0.48, 0.43], [0.33, 0.54]],
  [[0.44, 0.46], [0.53, 0.58], [0.63, 0.72], [0.74, 0.85]],
];
const BETWEEN = 120;  // milliseconds between two questions while a stroke is drawn
const TURN = 90, TURN_STEP = 3;

document.documentElement.classList.add("scripted");

const setting = JSON.parse(element("#setting").textContent);
const source = element("#worker").textContent;
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
const shown = { recipe: setting.recipes[0].name, image: null, label: null, first: null };
const asked = { id: 0, at: 0, later: 0 };
const arrived = new Map();
let turning = 0;

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

const OWN = element('[data-step="own"]');
const angle = element("#angle"), noise = element("#noise");
const pad = new Pad(element("#pad"), element("#hand"), (ended) => {
  shown.image = shown.label = null;
  stopTurning();
  markPicked(null);
  if (ended) markStep(OWN);  // not sooner, since a longer sentence would move the canvas
  ask(ended);
});

/** Ask what the networks say of the canvas: now, or soon where a question has just been asked. */
function ask(now = true) {
  clearTimeout(asked.later);
  if (!arrived.get(shown.recipe)) return;
  const wait = asked.at + BETWEEN - performance.now();
  if (!now && wait > 0) {
    asked.later = setTimeout(ask, wait);
    return;
  }
  asked.id += 1;
  asked.at = performance.now();
  performance.clearMarks();
  performance.clearMeasures();
  performance.mark("asked");
  const question = {
    kind: "question", id: asked.id, recipe: shown.recipe,
    angle: Number(angle.value), noise: Number(noise.value) / 100,
  };
  if (shown.image) {
    worker.postMessage({ ...question, image: Float32Array.from(shown.image, (byte) => byte / 255) });
  } else {
    const rgba = pad.read();
    worker.postMessage({ ...question, rgba, side: PAD, inFrame: pad.inFrame }, [rgba.buffer]);
  }
}

const ANSWERS = {
  network({ recipe, number }) {
    const done = arrived.get(recipe) + 1;
    const { count } = setting.recipes.find(({ name }) => name === recipe);
    arrived.set(recipe, done);
    element(`[data-loaded="${CSS.escape(recipe)}"]`).textContent = `${done} of ${count} networks loaded`;
    if (recipe === shown.recipe && (number === 0 || done === count)) ask();
  },

  blank() {
    clearAnswers();
  },

  first(answer) {
    shown.first = answer;
    paint(element("#seen"), answer.image);
    showVotes("mc_dropout", answer.mc_dropout, "passes of MC-dropout", shown.label);
    showSingle(answer.softmax, shown.label);
    performance.measure("first answer", "asked");
  },

  networks({ done, deep_ensemble: networks }) {
    showVotes("deep_ensemble", networks, "networks", shown.label);
    if (!done) return;
    showVerdict(verdict(shown.first.softmax, shown.first.mc_dropout, networks));
    performance.measure("all answers", "asked");
  },
};

worker.onmessage = ({ data }) => {
  if (data.kind === "network" || data.id === asked.id) ANSWERS[data.kind](data);
};
worker.onerror = (event) => {
  showVerdict({ text: `The networks do not answer (${event.message}).`, telling: false });
};

function stopTurning() {
  clearInterval(turning);
}

/** Rotate to the angle, step by step unless that is unwanted. */
function turnTo(end) {
  stopTurning();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (still) {
    setSlider(angle, end);
    ask();
    return;
  }
  turning = setInterval(() => {
    if (Number(angle.value) >= end) return stopTurning();
    setSlider(angle, Number(angle.value) + TURN_STEP);
    return ask(Number(angle.value) >= end);
  }, 80);
}

function setSlider(slider, value) {
  slider.value = value;
  element(`output[for="${slider.id}"]`).textContent = `${slider.value}${slider.dataset.unit}`;
}

function markPicked(index) {
  for (const tile of document.querySelectorAll(".pick")) {
    tile.setAttribute("aria-pressed", String(tile.dataset.index === index));
  }
}

function upright() {
  stopTurning();
  setSlider(angle, 0);
  setSlider(noise, 0);
}

function showImage(tile) {
  upright();
  shown.image = bytesOf(tile.dataset.pixels);
  shown.label = Number(tile.dataset.label);
  pad.show(shown.image);
  markPicked(tile.dataset.index);
  ask();
}

function blank() {
  upright();
  shown.image = shown.label = null;
  markPicked(null);
  pad.wipe();
}

const tileOf = (index) => element(`.pick[data-index="${index}"]`);
const STEPS = {
  clear: () => showImage(tileOf(setting.typical)),
  peculiar: () => showImage(tileOf(setting.peculiar)),
  turned() {
    showImage(tileOf(setting.typical));
    turnTo(TURN);
  },
  letter() {
    blank();
    for (const stroke of K) pad.line(stroke.map((point) => point.map((at) => at * PAD)));
    ask();
  },
  own() {
    blank();
    ask();
    pad.canvas.focus({ preventScroll: true });
  },
};

function press(buttons, pressed) {
  for (const button of document.querySelectorAll(buttons)) {
    button.setAttribute("aria-pressed", String(button === pressed));
  }
}

function markStep(button, sentence = button.dataset.sentence) {
  press("[data-step]", button);
  element("#sentence").textContent = sentence;
}

function takeStep(button) {
  markStep(button);
  STEPS[button.dataset.step]();
}

function pick(tile) {
  markStep(null, `${tile.getAttribute("aria-label")}.`);
  showImage(tile);
}

function chooseRecipe(button) {
  const name = shown.recipe = button.dataset.recipeSwitch;
  press("[data-recipe-switch]", button);
  for (const part of document.querySelectorAll("[data-of-recipe]")) {
    part.hidden = part.dataset.ofRecipe !== name;
  }
  ask();
}

function listen() {
  for (const button of document.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => takeStep(button));
  }
  for (const tile of document.querySelectorAll(".pick")) {
    paint(element("canvas", tile), Float32Array.from(bytesOf(tile.dataset.pixels), (byte) => byte / 255));
    tile.addEventListener("click", () => pick(tile));
  }
  for (const button of document.querySelectorAll("[data-recipe-switch]")) {
    button.addEventListener("click", () => chooseRecipe(button));
  }
  for (const slider of [angle, noise]) {
    slider.addEventListener("input", () => {
      stopTurning();
      setSlider(slider, slider.value);
      ask(false);
    });
  }
  element("#eraser").addEventListener("click", (event) => {
    pad.erasing = !pad.erasing;
    event.currentTarget.setAttribute("aria-pressed", String(pad.erasing));
  });
  element("#wipe").addEventListener("click", () => {
    markStep(OWN);
    blank();
    ask();
  });
}

/** One message a task, so that the page answers meanwhile; network 0 of each recipe first. */
async function send() {
  for (const recipe of setting.recipes) {
    arrived.set(recipe.name, 0);
    worker.postMessage({ kind: "recipe", recipe });
  }
  const blocks = [...document.querySelectorAll("script[data-kind]")];
  blocks.sort((a, b) => (a.dataset.number ?? 0) - (b.dataset.number ?? 0));
  for (const block of blocks) {
    const { number, ...data } = block.dataset;
    worker.postMessage({ ...data, number: Number(number), text: block.textContent.trim() });
    block.remove();
    await new Promise((resolve) => { setTimeout(resolve); });
  }
}

clearAnswers("The networks are loading.");
listen();
takeStep(element('[data-step="clear"]'));
send();
