"use strict";
// Answers each question method by method, and sweeps each picture over the angles.

const AT_ONCE = 10, SWEPT = 15;
const lab = { masks: [], trainings: new Map(), shown: null, terms: null };
const newest = { id: 0, picture: 0, swept: 0 };

/** The network that MC-dropout runs: one trained with dropout, where the single one is not. */
const sampled = ({ members, dropped }) => dropped ?? members[0];

/** Lets messages in that have come meanwhile, so that a newer question ends an older one. */
const pause = () => new Promise((resolve) => { setTimeout(resolve); });

/** Tells the summary of each method once it is there; false where it is no longer wanted. */
async function answers(training, image, tell, wanted) {
  const [first, ...others] = training.members, dropped = sampled(training);
  const members = [logitsOfTerms(first, secondTerms(first, image), ALL)];
  tell("softmax", summaryOf(members));
  const terms = secondTerms(dropped, image);
  const passes = lab.masks.map((mask) => logitsOfTerms(dropped, terms, scalesOf(dropped, mask)));
  tell("mc_dropout", summaryOf(passes));
  for (const network of others) {
    if (members.length % AT_ONCE === 0) {
      tell("deep_ensemble", summaryOf(members));
      await pause();
      if (!wanted()) return false;
    }
    members.push(logitsOfTerms(network, secondTerms(network, image), ALL));
  }
  tell("deep_ensemble", summaryOf(members));
  return true;
}

/** What the methods answer at each angle, until another picture is shown. */
async function sweep(training, picture, image) {
  newest.swept = picture;
  for (let angle = -180; angle <= 180; angle += SWEPT) {
    const point = { kind: "point", picture, angle };
    const note = (method, { answer, confidence }) => { point[method] = { answer, confidence }; };
    const wanted = () => newest.picture === picture;
    if (!await answers(training, rotated(image, angle), note, wanted)) return;
    postMessage(point);
  }
}

/** The pixels that networks see before rotation; `null` where nothing is drawn. */
function pixelsOf({ image, rgba, side }) {
  // White on black: red is as good as any.
  const red = (_, i) => rgba[4 * i] / 255;
  return image ?? fitted(Float32Array.from({ length: side * side }, red), side);
}

const HANDLERS = {
  setting({ setting }) {
    lab.masks = setting.masks.map((mask) => Array.from(mask, Number));
    for (const training of setting.trainings) {
      lab.trainings.set(training.name, { ...training, members: [], dropped: null });
    }
  },

  network({ training: name, isDropped, bytes }) {
    const training = lab.trainings.get(name), { form, mean, std, dropout } = training;
    const network = { form, mean, std, dropout, layers: unpacked(bytes) };
    if (isDropped) training.dropped = network;
    else training.members.push(network);
    postMessage({ kind: "network", training: name, loaded: training.members.length });
  },

  subnetwork({ mask }) {
    if (!lab.terms) return;
    const network = sampled(lab.shown);
    const logits = logitsOfTerms(network, lab.terms, scalesOf(network, mask));
    postMessage({ kind: "subnetwork", mask, ...summaryOf([logits]) });
  },

  async question({ id, picture, training: name, angle, ...drawn }) {
    const training = lab.trainings.get(name);
    lab.shown = training;
    Object.assign(newest, { id, picture });
    const upright = pixelsOf(drawn), image = upright && rotated(upright, angle);
    lab.terms = image && secondTerms(sampled(training), image);
    postMessage({ kind: "seen", id, image });
    if (!image) return;
    const tell = (method, summary) => postMessage({ kind: "answer", id, method, ...summary });
    const loaded = training.members.length === training.count;
    const done = await answers(training, image, tell, () => newest.id === id);
    if (done && loaded && newest.swept !== picture) await sweep(training, picture, upright);
  },
};

self.onmessage = ({ data }) => HANDLERS[data.kind](data);
