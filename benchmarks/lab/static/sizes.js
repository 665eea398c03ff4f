"use strict";
// Of the images and of the answer, for the page and its worker.

const SIDE = 28, CLASSES = 10;
