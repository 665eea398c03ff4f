"use strict";
// A letter, drawn for this page: strokes of points in a square of side 1.

const LETTER = {
  name: "K",
  strokes: [
    [[0.31, 0.16], [0.3, 0.34], [0.31, 0.52], [0.3, 0.7], [0.31, 0.86]],
    [[0.71, 0.18], [0.6, 0.31], [0.48, 0.43], [0.33, 0.54]],
    [[0.44, 0.46], [0.53, 0.58], [0.63, 0.72], [0.74, 0.85]],
  ],
};
