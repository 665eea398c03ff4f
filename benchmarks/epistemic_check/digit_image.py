"""An image of a digit, of any size and colour, converted to the form of MNIST's images."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from benchmarks.errors import UserError

SIDE, BOX = 28, 20
"""Pixels of MNIST's images, and of the box that their digits fill (LeCun et al. 1998)."""

LEAST_CONTRAST = 0.05
"""Share of the full range of grey between background and ink, below which an image is blank."""

INK = 0.1
"""Share of the strongest ink from which on a pixel belongs to the digit."""

DEEP = ("I", "F")
"""What the names of Pillow's modes begin with whose pixels are numbers beyond 8 bits."""

DEEPEST = 65535
"""White, where pixels are whole numbers beyond 8 bits."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Of pixels, which Pillow itself decodes; for others it would start a program, such as Ghostscript.

Their names are Pillow's."""

Shades = Float[np.ndarray, "rows columns"]


def read_digit(path: Path) -> Float[Tensor, "1 28 28"]:
    """The digit as an MNIST image in [0, 1], light on dark.

    The background is what most of the border looks like, so the digit may be darker, lighter or of
    another colour. What is transparent is white, or black where the digit is white itself. The
    digit is scaled to fit a box of 20x20 and shifted by whole pixels to have its centre of mass in
    the middle, as MNIST's were.

    Raises:
        UserError: there is no such file, it is no image, or nothing is drawn on it.
    """
    for shades in _grey_levels(path):
        ink = _ink(shades)
        if ink.max() >= LEAST_CONTRAST:
            return torch.from_numpy(_centred(_fitted(ink / ink.max()))).float()[None]
    raise UserError(f"--image {path}: the image is blank; expected a digit on a background")


def _grey_levels(path: Path) -> Iterator[Shades]:
    """Grey levels in which a digit may show, the likeliest first; black is 0 and white 1."""
    image = _opened(path)
    if image.mode.startswith(DEEP):
        pixels = np.asarray(image, dtype=np.float64)
        if not np.isfinite(pixels).all():
            raise UserError(f"--image {path}: some pixels are not finite")
        # Pillow opens 16 bits a pixel by several modes, and floats may be of any scale.
        full = 1.0 if image.mode == "F" else DEEPEST
        yield pixels / max(full, pixels.max())
        return
    white, black = (_composed_on(colour, image) for colour in ("white", "black"))
    for layer in (white.convert("L"), black.convert("L"), *white.split()):
        yield np.asarray(layer, dtype=np.float64) / 255


def _composed_on(colour: str, image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, colour)
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings(), Image.open(path, formats=FORMATS) as image:
            # Of files that are odd, but can be read, and of sizes beyond a limit of its own.
            warnings.simplefilter("ignore")
            upright = ImageOps.exif_transpose(image)
            upright.load()
            return upright
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"--image {path}: there is no such file") from error
    # What damaged files raise is up to the format's decoder.
    except Exception as error:
        message = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"--image {path}: this cannot be read as an image ({message}); expected one of pixels: "
            f"{', '.join(FORMATS)}"
        ) from error


def _ink(shades: Shades) -> Float[np.ndarray, "rows columns"]:
    """How far each pixel is from the background, towards the digit's side."""
    border = np.concatenate([shades[0], shades[-1], shades[:, 0], shades[:, -1]])
    background = float(np.median(border))
    difference = shades - background
    # Of a mid-grey background, the stronger of both sides is the digit's.
    lighter = difference.max() > -difference.min()
    ink: Float[np.ndarray, "rows columns"] = np.clip(
        difference if lighter else -difference, 0, None
    )
    return ink


def _fitted(ink: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "height width"]:
    """The digit alone, its longer side 20 pixels."""
    rows, columns = (np.flatnonzero((ink >= INK).any(axis=axis)) for axis in (1, 0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    image = Image.fromarray(digit.astype(np.float32))
    scaled = np.asarray(image.resize((width, height), Image.Resampling.BOX), dtype=np.float64)
    fitted: Float[np.ndarray, "height width"] = scaled / scaled.max()
    return fitted


def _centred(digit: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "28 28"]:
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
