from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import interpolate

from methods.engines.lenet5_kernels import check
from methods.engines.lenet5_kernels.layout import aligned_zeros
from methods.engines.lenet5_kernels.pooling import resize
from tests.methods.engines.lenet5_kernels.support import random_images


def test_resize_is_torchs_bilinear_interpolation() -> None:
    image = random_images(1)
    row = aligned_zeros(32 * 32 + 16)
    resize(
        row,
        image.reshape(-1),
        check.constants(0.137, 0.3081, 0.0, relu=False),
        aligned_zeros(32, 30),
    )
    resized = interpolate(torch.from_numpy(image)[None], size=32, mode="bilinear")
    expected = (resized.reshape(-1).numpy() - 0.137) / 0.3081
    np.testing.assert_allclose(row[: 32 * 32], expected, atol=1e-6)
