"""Functions of single numbers in plain arithmetic, so that loops over them vectorise everywhere.

Clamps are written as ``low if x < low else x``, which hands a NaN through; ``min`` and ``max``
need not.
"""

from __future__ import annotations

import numpy as np

from methods.engines.lenet5_kernels.compilation import kernel
from methods.engines.lenet5_kernels.layout import f4


@kernel
def tanh(x: np.float32) -> np.float32:
    """The hyperbolic tangent as x·P(x²) / Q(x²); absolute error below 1e-6.

    P has degree 6, Q degree 3: the approximation that Eigen and XLA use. Beyond ±7.9 it is 1 in
    single precision.
    """
    x = f4(-7.9053111) if x < f4(-7.9053111) else x
    x = f4(7.9053111) if x > f4(7.9053111) else x
    s = x * x
    p = f4(-2.76076847742355e-16)
    p = p * s + f4(2.00018790482477e-13)
    p = p * s + f4(-8.60467152213735e-11)
    p = p * s + f4(5.12229709037114e-08)
    p = p * s + f4(1.48572235717979e-05)
    p = p * s + f4(6.37261928875436e-04)
    p = p * s + f4(4.89352455891786e-03)
    q = f4(1.19825839466702e-06)
    q = q * s + f4(1.18534705686654e-04)
    q = q * s + f4(2.26843463243900e-03)
    q = q * s + f4(4.89352518554385e-03)
    return x * p / q


@kernel
def rectify(x: np.float32) -> np.float32:
    """max(0, x); NaN stays NaN."""
    return f4(0) if x < f4(0) else x


@kernel
def larger(x: np.float32, y: np.float32) -> np.float32:
    """The larger of both; NaN if one of them is."""
    return x if (x > y) | np.isnan(x) else y


@kernel
def exp(x: np.float32) -> np.float32:
    """The exponential as 2ⁿ·eʳ with abs(r) ≤ log(2)/2; relative error below 2e-7, abs(x) ≤ 87.

    eʳ is a polynomial of degree 7 (Cephes), 2ⁿ the float whose exponent bits say n. Beyond ±87
    the argument is clamped.
    """
    x = f4(-87) if x < f4(-87) else x
    x = f4(87) if x > f4(87) else x
    n = np.rint(x * f4(1.44269504))
    r = x - n * f4(0.693359375) + n * f4(2.12194440e-4)  # log(2) in two parts: no digit is lost
    p = f4(1.9875691500e-4)
    p = p * r + f4(1.3981999507e-3)
    p = p * r + f4(8.3334519073e-3)
    p = p * r + f4(4.1665795894e-2)
    p = p * r + f4(1.6666665459e-1)
    p = p * r + f4(5.0000001201e-1)
    power_of_two = np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(f4)
    result: np.float32 = (p * r * r + r + f4(1)) * power_of_two
    return result
