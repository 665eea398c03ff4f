"""Images with their classes, and what they are recognised by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Labelled images: images in [0, 1] and their classes."""

    images: Float[Tensor, "images channels height width"]
    labels: Int64[Tensor, " images"]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the tensors' bytes, in 64 hexadecimal digits."""
        digest = sha256(self.images.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()
