"""Arrays by which most functions are called; other shapes are spelled where they stand."""

from __future__ import annotations

from typing import TypeAlias

from jaxtyping import Bool, Float, Int64
from torch import Tensor

Images: TypeAlias = Float[Tensor, "images ..."]
"""Images in [0, 1], of any further axes; mostly [images, channels, height, width]."""

Labels: TypeAlias = Int64[Tensor, " images"]
"""The class of each image."""

Logits: TypeAlias = Float[Tensor, "images classes"]
"""The logits of one network."""

MemberLogits: TypeAlias = Float[Tensor, "members images classes"]
"""The logits of several members: networks, passes or samples of the weights."""

Features: TypeAlias = Float[Tensor, "images width"]
"""Inputs of the last layer of a network."""

KeepMask: TypeAlias = Bool[Tensor, "#images channels"]
"""The channels, or units, that dropout keeps: one row for all images, or one an image."""
