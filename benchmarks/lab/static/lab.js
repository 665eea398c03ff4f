"use strict";
// The page: what is asked of the worker, and when.

const K = [  // strokes of points in a square of side 1
  [[0.31, 0.16], [0.3, 0.34], [0.31, 0.52], [0.3, 0.7], [0.31, 0.86]],
  [[0.71, 0.18], [0.6, 0.31], [0.48, 0.43], [0.33, 0.54]],
  [[0.44, 0.46], [0.53, 0.58], [0.63, 0.72], [0.74, 0.85]],
];
const BETWEEN = 120;  // milliseconds between two questions while a stroke is drawn

const setting = JSON.parse(element("#setting").textContent);
const source = element("#worker").textContent;
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
const countOf = Object.fromEntries(setting.trainings.map(({ name, count }) => [name, count]));
const shown = {
  image: null, truth: null, picture: 0, given: {}, training: setting.trainings[0].name,
};
const asked = { id: 0, later: 0 };
const loaded = Object.fromEntries(setting.trainings.map(({ name }) => [name, 0]));
let pass = 0;

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

const shares = (bytes) => Float32Array.from(bytes, (byte) => byte / 255);

const OWN = element('[data-step="own"]');
const angle = element("#angle"), curves = new Curves(element("#chart"), element("#strips"));
const pad = new Pad(element("#pad"), element("#hand"), (ended) => {
  markPicked(null);
  change(null, null);
  if (ended) markStep(OWN);  // not sooner, since a longer sentence would move the canvas
  ask(ended);
});

/** Another picture: a test image's bytes, or what is on the canvas; and its class, if known. */
function change(image, truth) {
  Object.assign(shown, { image, truth, picture: shown.picture + 1 });
  curves.clear(truth);
}

/** Ask what the networks say of the picture: now, or soon where a question has just been asked. */
function ask(now = true) {
  if (!loaded[shown.training]) return;
  if (!now) {
    asked.later ||= setTimeout(ask, BETWEEN);
    return;
  }
  clearTimeout(asked.later);
  asked.later = 0;
  asked.id += 1;
  shown.given = {};
  performance.clearMarks();
  performance.clearMeasures();
  performance.mark("asked");
  const question = {
    kind: "question", id: asked.id, picture: shown.picture, training: shown.training,
    angle: Number(angle.value),
  };
  if (shown.image) {
    worker.postMessage({ ...question, image: shares(shown.image) });
  } else {
    const rgba = pad.read();
    worker.postMessage({ ...question, rgba, side: PAD }, [rgba.buffer]);
  }
}

const truthNow = () => truthAt(shown.truth, Number(angle.value));

const ANSWERS = {
  network({ training, loaded: count }) {
    const isNew = count > loaded[training], total = (counts) => counts.reduce((a, b) => a + b);
    loaded[training] = count;
    const [now, all] = [loaded, countOf].map((counts) => total(Object.values(counts)));
    element("#loaded").textContent = `${now} of ${all} networks loaded.`;
    const isDue = count === 1 || count === countOf[training];
    if (training === shown.training && isNew && isDue) ask();
  },

  seen({ image }) {
    if (!image) return clearAnswers();
    paint(element("#seen"), image);
    askSubnetwork();
  },

  answer({ method, ...summary }) {
    showMethod(method, summary, truthNow());
    shown.given[method] = summary;
    if (method !== "deep_ensemble" || summary.members !== countOf[shown.training]) return;
    showVerdict(verdict(shown.given, truthNow()));
    performance.measure("all answers", "asked");
  },

  point({ picture, ...point }) {
    if (picture === shown.picture) curves.add(point);
  },

  subnetwork: showSubnetwork,
};

worker.onmessage = ({ data }) => {
  if (!("id" in data) || data.id === asked.id) ANSWERS[data.kind](data);
};
worker.onerror = (event) => showVerdict({ text: `The networks do not answer (${event.message}).` });

function setAngle(degrees) {
  angle.value = degrees;
  element('output[for="angle"]').textContent = degreesText(degrees);
  pad.turn(degrees);
  curves.mark(degrees);
}

function press(buttons, pressed) {
  for (const button of document.querySelectorAll(buttons)) {
    button.setAttribute("aria-pressed", String(button === pressed));
  }
}

const markPicked = (tile) => press(".pick", tile);

function showImage(tile, degrees = 0) {
  setAngle(degrees);
  change(bytesOf(tile.dataset.pixels), Number(tile.dataset.label));
  pad.show(shown.image);
  markPicked(tile);
  ask();
}

function blank(truth) {
  setAngle(0);
  change(null, truth);
  markPicked(null);
  pad.wipe();
}

function showTraining(button) {
  press("[data-training]", button);
  element("#trained").textContent = button.dataset.sentence;
  shown.training = button.dataset.training;
  change(shown.image, shown.truth);
  ask();
}

const tileOf = (index) => element(`.pick[data-index="${index}"]`);
const STEPS = {
  typical: () => showImage(tileOf(setting.typical)),
  peculiar: () => showImage(tileOf(setting.peculiar)),
  turned: () => showImage(tileOf(setting.typical), 90),
  letter() {
    blank(NO_CLASS);
    for (const stroke of K) pad.line(stroke.map((point) => point.map((at) => at * PAD)));
    ask();
  },
  own() {
    blank(null);
    ask();
    pad.canvas.focus({ preventScroll: true });
  },
};

function markStep(button, sentence = button.dataset.sentence) {
  press("[data-step]", button);
  element("#sentence").textContent = sentence;
}

function takeStep(button) {
  markStep(button);
  STEPS[button.dataset.step]();
}

const channels = [...document.querySelectorAll("[data-channel]")];
const isOn = (button) => button.getAttribute("aria-pressed") === "true";
const maskNow = () => channels.map((button) => Number(isOn(button)));

function setMask(mask) {
  channels.forEach((button, i) => button.setAttribute("aria-pressed", String(mask[i] > 0)));
  askSubnetwork();
}

function askSubnetwork() {
  worker.postMessage({ kind: "subnetwork", mask: maskNow() });
}

/** What the channels that are on answer, and whether they see the image at all. */
function showSubnetwork({ mask, ...summary }) {
  showShares(element("#sub-plot"), summary, truthNow(), "Probabilities of the sub-network, in %");
  const on = mask.reduce((sum, kept) => sum + kept), key = mask.join("");
  const number = setting.masks.indexOf(key) + 1, layer = setting.channels[0];
  const blind = !mask.slice(0, layer).includes(1) || !mask.slice(layer).includes(1);
  const what = number ? `Pass ${number}` : "This sub-network";
  const text = `${what} (${on} of ${mask.length} channels on) says ${outcome(summary, truthNow())}`;
  const sight = blind ? ", and the same of every image: it sees nothing." : ".";
  showOutcome(element("#subnetwork"), text + sight, judged(summary.answer, truthNow()));
}

function listen() {
  for (const button of document.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => takeStep(button));
  }
  for (const button of document.querySelectorAll("[data-training]")) {
    button.addEventListener("click", () => showTraining(button));
  }
  for (const tile of document.querySelectorAll(".pick")) {
    paint(element("canvas", tile), shares(bytesOf(tile.dataset.pixels)));
    tile.addEventListener("click", () => {
      markStep(null, `${tile.getAttribute("aria-label")}.`);
      showImage(tile);
    });
  }
  for (const button of channels) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(!isOn(button)));
      askSubnetwork();
    });
  }
  const passOf = (number) => Array.from(setting.masks[number], Number);
  element("#next-pass").addEventListener("click", () => {
    pass = (pass + 1) % setting.masks.length;
    setMask(passOf(pass));
  });
  element("#blank-pass").addEventListener("click", () => {
    setMask(maskNow().map((kept, i) => (i < setting.channels[0] ? 0 : kept)));
  });
  setMask(passOf(pass));
  angle.addEventListener("input", () => {
    setAngle(Number(angle.value));
    ask(false);
  });
  element("#wipe").addEventListener("click", () => takeStep(OWN));
}

/** One message a task, so that the page answers meanwhile. */
async function send() {
  worker.postMessage({ kind: "setting", setting });
  for (const block of document.querySelectorAll("[data-network]")) {
    const { network: training, dropped } = block.dataset, isDropped = dropped !== undefined;
    worker.postMessage({
      kind: "network", training, isDropped, bytes: bytesOf(block.textContent),
    });
    block.remove();
    await new Promise((resolve) => { setTimeout(resolve); });
  }
}

clearAnswers("The networks are loading.");
listen();
takeStep(element('[data-step="typical"]'));
send();
