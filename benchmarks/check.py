"""The article's count plot for any image: ``uncertainty-bench check --index 591``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from matplotlib import rc_context
from PIL import Image, ImageOps
from torch import Tensor

from benchmarks.claims.predictor import Predictor
from benchmarks.io import UserError, one_line, printable, written_whole
from benchmarks.metrics import METRICS
from benchmarks.nouns import Contestant
from benchmarks.report.figures.panels import count_plots
from benchmarks.report.number_format import three_decimals
from benchmarks.report.style import DPI, SETTINGS
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.mnist import MNIST, SIDE
from methods import Prediction

READ = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Formats that Pillow itself decodes, by its names; for others it would start a program."""

BOX = 20
"""Pixels of the box that MNIST's digits fill (LeCun et al. 1998)."""

LEAST_CONTRAST = 0.05
"""Share of the full range of grey between background and ink, below which an image is blank."""

INK = 0.1
"""Share of the strongest ink from which on a pixel belongs to the digit."""

MEASURES = (
    *("predictive_entropy", "mutual_information"),
    *("pairwise_disagreement", "variation_ratio"),
)
"""Metrics of an image that are told."""

Shades = Float[np.ndarray, "rows columns"]


def draw_check(
    plan: Plan, workspace: Workspace, path: Path, *, index: int | None, file: Path | None
) -> None:
    """Print and draw the votes of softmax, MC-dropout and a deep ensemble for one image.

    Args:
        path: of the figure, which ends in a format of matplotlib.
        index: which of the test images it is, where there is no file.
        file: with an image of a digit.

    Raises:
        UserError: there is no such image.
    """
    if file is None:
        title, image = f"Test image {index}", _test_image(workspace, index)
    else:
        title, image = file.name, read_digit(file)
    names, predictions = nouns_of(plan), _predictions(plan, workspace, image)
    counts = {
        contestant: (prediction.vote_share[0] * (prediction.members or 1)).round().int().tolist()
        for contestant, prediction in predictions.items()
    }
    measures = {
        contestant: {name: float(METRICS[name].function(prediction)[0]) for name in MEASURES}
        for contestant, prediction in predictions.items()
    }
    votes, numbers = (
        pd.DataFrame({names.label(contestant): row for contestant, row in rows.items()}).T
        for rows in (counts, measures)
    )
    print(f"{printable(title)}: votes for each class\n{votes.to_string()}\n")
    numbers.columns = numbers.columns.str.replace("_", " ")
    print(f"Measures (entropies in nats)\n{numbers.to_string(float_format=three_decimals)}")
    pixels = (image[0] * 255).round().byte().numpy()
    with rc_context(SETTINGS), written_whole(path) as temporary:
        figure = count_plots(title, names, pixels, counts, measures)
        figure.savefig(temporary, format=path.suffix.lower().removeprefix("."), dpi=DPI)


def _test_image(workspace: Workspace, index: int | None) -> Float[Tensor, "1 28 28"]:
    images = workspace.images(MNIST, "test").images
    if index is None or not 0 <= index < len(images):
        raise UserError(f"--index: {index} is not a test image; expected 0 to {len(images) - 1}")
    return images[index]


def _predictions(
    plan: Plan, workspace: Workspace, image: Float[Tensor, "1 28 28"]
) -> dict[Contestant, Prediction]:
    """Of softmax, MC-dropout and a deep ensemble; trains what is not stored yet."""
    chosen = plan.configuration
    (passes,), (members,) = chosen.passes, chosen.members
    predictor = Predictor(plan, workspace, networks=members)
    units = (predictor.softmax(0), predictor.mc_dropout(0, passes), predictor.ensemble)
    _, training = predictor.pool()
    predictor.train(units)
    predictions = {}
    for unit in units:
        method = predictor.method(unit).fit(training.images, training.labels)
        prediction = method.predict(image[None])
        predictions[Contestant(unit.method, str(prediction.members), unit.budget)] = prediction
    return predictions


def read_digit(path: Path) -> Float[Tensor, "1 28 28"]:
    """The digit in an image file as an MNIST image in [0, 1], light on dark.

    The background is what most of the border looks like, so the digit may be darker or lighter.
    What is transparent is white, or black where the digit is white itself. The digit is scaled to
    fit a box of 20x20 and shifted by whole pixels to have its centre of mass in the middle, as
    MNIST's were.

    Raises:
        UserError: there is no such file, it is no image, or nothing is drawn on it.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=READ) as opened:
            image = ImageOps.exif_transpose(opened)
            image.load()
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file") from error
    except Exception as error:  # what damaged files raise is up to the format's decoder
        raise UserError(
            f"{path}: this cannot be read as an image ({one_line(error)}); expected one of pixels: "
            f"{', '.join(READ)}"
        ) from error
    for shades in _grey_levels(image):
        border = np.concatenate([shades[0], shades[-1], shades[:, 0], shades[:, -1]])
        apart = shades - np.median(border)
        # Of a mid-grey background, the stronger of both sides is the digit's.
        ink = np.clip(apart if apart.max() > -apart.min() else -apart, 0, None)
        if ink.max() >= LEAST_CONTRAST:
            return torch.from_numpy(_centred(_cropped(ink / ink.max()))).float()[None]
    raise UserError(f"{path}: the image is blank; expected a digit on a background")


def _grey_levels(image: Image.Image) -> Iterator[Shades]:
    """Grey levels in which a digit may show, the likeliest first; black is 0 and white 1."""
    if image.mode.startswith(("I", "F")):  # more than 8 bits, which Pillow would cut off
        pixels = np.asarray(image, dtype=np.float64)
        yield pixels / (np.abs(pixels).max() or 1)
        return
    for colour in ("white", "black"):
        ground = Image.new("RGBA", image.size, colour)
        ground.alpha_composite(image.convert("RGBA"))
        yield np.asarray(ground.convert("L"), dtype=np.float64) / 255


def _cropped(ink: Shades) -> Shades:
    """The digit alone, its longer side 20 pixels."""
    rows, columns = (np.flatnonzero((ink >= INK).any(axis=axis)) for axis in (1, 0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    image = Image.fromarray(digit.astype(np.float32))
    scaled = np.asarray(image.resize((width, height), Image.Resampling.BOX), dtype=np.float64)
    fitted: Shades = scaled / scaled.max()
    return fitted


def _centred(digit: Shades) -> Float[np.ndarray, "28 28"]:
    """Its centre of mass in the middle of 28x28 pixels, as far as it stays inside."""
    image = np.zeros((SIDE, SIDE))
    starts = []
    for axis, side in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        centre = float((mass * np.arange(side)).sum() / mass.sum())
        # To MNIST the 15th pixel is the middle.
        starts.append(min(max(round(SIDE / 2 - centre), 0), SIDE - side))
    top, left = starts
    image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image
