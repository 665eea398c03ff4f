"""The fifteen corruptions of MNIST-C (Mu & Gilmer 2019), of any 28x28 grey images.

Each is computed by its published definition, at the severity that MNIST-C has it.
"""

from __future__ import annotations

from benchmarks.corruptions.appearance import (
    brightness,
    canny_edges,
    fog,
    glass_blur,
    impulse_noise,
    motion_blur,
    shot_noise,
    spatter,
    stripe,
)
from benchmarks.corruptions.corruption import Corruption
from benchmarks.corruptions.geometry import dotted_line, rotate, scale, shear, translate, zigzag

__all__ = ["CORRUPTIONS", "Corruption"]

CORRUPTIONS: dict[str, Corruption] = {
    corruption.name: corruption
    for corruption in (
        Corruption("shot_noise", "Shot noise", shot_noise, seed=1),
        Corruption("impulse_noise", "Impulse noise", impulse_noise, seed=2),
        Corruption("glass_blur", "Glass blur", glass_blur, seed=3),
        Corruption("motion_blur", "Motion blur", motion_blur, seed=4),
        Corruption("shear", "Shear", shear, seed=5),
        Corruption("scale", "Scale", scale, seed=6),
        Corruption("rotate", "Rotate", rotate, seed=7),
        Corruption("brightness", "Brightness", brightness, seed=8),
        Corruption("translate", "Translate", translate, seed=9),
        Corruption("stripe", "Stripe", stripe, seed=10),
        Corruption("fog", "Fog", fog, seed=11),
        Corruption("spatter", "Spatter", spatter, seed=12),
        Corruption("dotted_line", "Dotted line", dotted_line, seed=13),
        Corruption("zigzag", "Zigzag", zigzag, seed=14),
        Corruption("canny_edges", "Canny edges", canny_edges, seed=15),
    )
}
"""By name, in the order of the paper's table 1."""
