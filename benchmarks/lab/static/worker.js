"use strict";
// Answers each question in parts: network 0 and its passes first, then all networks.

const AT_ONCE = 5;
const recipes = new Map();
let newest = 0;

function decoded(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Lets messages in that have come meanwhile, so that a newer question ends an older one. */
function pause() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { channel.port1.close(); resolve(); };
    channel.port2.postMessage(null);
  });
}

/** The summary of members, and how many test images are less uncertain by each measure. */
function placed(recipe, method, tally) {
  const { summary } = tally;
  summary.smaller = {};
  for (const [measure, value] of Object.entries(summary.measures)) {
    const sorted = recipe.scores[`${method} ${measure}`];
    summary.smaller[measure] = sorted ? smaller(sorted, value) / sorted.length : null;
  }
  return summary;
}

/** The pixels that networks see; `null` where nothing is drawn. */
function pixelsOf({ image, rgba, side, inFrame, angle, noise }) {
  let pixels = image;
  if (!pixels) {
    // White on black: red is as good as any.
    const ink = Float32Array.from({ length: side * side }, (_, i) => rgba[4 * i] / 255);
    pixels = inFrame ? framed(ink, side) : fitted(ink, side);
  }
  return pixels && noisy(rotated(pixels, angle), noise);
}

const HANDLERS = {
  recipe({ recipe }) {
    const masks = Array.from(recipe.masks, (mask) => Array.from(mask, Number));
    recipes.set(recipe.name, { ...recipe, masks, networks: [], scores: {} });
  },

  scores({ recipe, method, measure, text }) {
    recipes.get(recipe).scores[`${method} ${measure}`] = new Float32Array(decoded(text).buffer);
  },

  network({ recipe: name, number, eightBits, text }) {
    const recipe = recipes.get(name);
    const layers = unpacked(decoded(text), eightBits ? eightBits.split(" ") : []);
    const { network, mean, std, dropout } = recipe;
    recipe.networks[number] = { name: network, mean, std, dropout, layers };
    postMessage({ kind: "network", recipe: name, number });
  },

  async question(asked) {
    newest = asked.id;
    const recipe = recipes.get(asked.recipe), image = pixelsOf(asked), answer = { id: asked.id };
    if (!image) return postMessage({ kind: "blank", ...answer });
    const [first] = recipe.networks, single = new Tally(), passes = new Tally();
    single.add(logits(first, image));
    for (const members of passLogits(first, image, recipe.masks)) passes.add(members);
    postMessage({
      kind: "first", ...answer, image,
      softmax: placed(recipe, "softmax", single),
      mc_dropout: placed(recipe, "mc_dropout", passes),
    });
    const networks = new Tally(), there = recipe.networks.filter(Boolean);
    for (let start = 0; start < there.length; start += AT_ONCE) {
      await pause();
      if (newest !== asked.id) return undefined;
      for (const network of there.slice(start, start + AT_ONCE)) networks.add(logits(network, image));
      const done = networks.members === recipe.count;
      postMessage({
        kind: "networks", ...answer, done, deep_ensemble: placed(recipe, "deep_ensemble", networks),
      });
    }
    return undefined;
  },
};

self.onmessage = ({ data }) => HANDLERS[data.kind](data);
