"use strict";
// One sentence: who is sure of the image, and who is not.

const SURE = 0.9, AGREED = 0.8;
// The same limits choose test images in benchmarks/lab/gallery.py.

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
  const all = most(networks), some = most(passes), sure = confidence >= SURE;
  const begun = opening(sure, some.agree, all.agree, all.name === named);
  const text = `${begun}: it gives ${named} a probability of ${percent(confidence)}; ` +
    `${all.count} of the ${all.members} networks vote for ${all.name}, and ${some.count} of ` +
    `the ${some.members} passes for ${some.name}.`;
  return {
    text: text.replace(/^(None is sure|All choose the same): it/, "$1: the single network"),
    telling: sure && !all.agree,
  };
}
