"use strict";
// Answers each question method by method, and sweeps each picture over the angles.

const AT_ONCE = 10, SWEPT = 15;
const lab = { networks: [], terms: null };
const newest = { id: 0, picture: 0, swept: 0 };

/** Lets messages in that have come meanwhile, so that a newer question ends an older one. */
const pause = () => new Promise((resolve) => { setTimeout(resolve); });

/** Tells the summary of each method once it is there; false where it is no longer wanted. */
async function answers(image, tell, wanted) {
  const [first, ...others] = lab.networks, terms = secondTerms(first, image);
  const members = [logitsOfTerms(first, terms, ALL)];
  tell("softmax", summaryOf(members));
  const passes = lab.masks.map((mask) => logitsOfTerms(first, terms, scalesOf(first, mask)));
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
async function sweep(picture, image) {
  newest.swept = picture;
  for (let angle = -180; angle <= 180; angle += SWEPT) {
    const point = { kind: "point", picture, angle };
    const note = (method, { answer, confidence }) => { point[method] = { answer, confidence }; };
    if (!await answers(rotated(image, angle), note, () => newest.picture === picture)) return;
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
    Object.assign(lab, setting, { masks: setting.masks.map((mask) => Array.from(mask, Number)) });
  },

  network({ bytes }) {
    const { mean, std, dropout } = lab;
    lab.networks.push({ mean, std, dropout, layers: unpacked(bytes) });
    postMessage({ kind: "network", loaded: lab.networks.length });
  },

  subnetwork({ mask }) {
    if (!lab.terms) return;
    const [first] = lab.networks, logits = logitsOfTerms(first, lab.terms, scalesOf(first, mask));
    postMessage({ kind: "subnetwork", mask, ...summaryOf([logits]) });
  },

  async question({ id, picture, angle, ...drawn }) {
    Object.assign(newest, { id, picture });
    const upright = pixelsOf(drawn), image = upright && rotated(upright, angle);
    lab.terms = image && secondTerms(lab.networks[0], image);
    postMessage({ kind: "seen", id, image });
    if (!image) return;
    const tell = (method, summary) => postMessage({ kind: "answer", id, method, ...summary });
    const loaded = lab.networks.length === lab.count;
    const done = await answers(image, tell, () => newest.id === id);
    if (done && loaded && newest.swept !== picture) await sweep(picture, upright);
  },
};

self.onmessage = ({ data }) => HANDLERS[data.kind](data);
