"""The article's ``epistemic_check``: the votes of a method's members for one image."""

from __future__ import annotations

from jaxtyping import Float, Int64
from torch import Tensor

from methods import UncertaintyMethod


def epistemic_check(
    method: UncertaintyMethod, image: Float[Tensor, "*one 28 28"], model_number: int
) -> Int64[Tensor, " classes"]:
    """How many of ``model_number`` members vote for each class; the name is the article's.

    A method with one member gives all its votes to one class.

    Args:
        method: fitted.
        image: a single one, in [0, 1].
        model_number: the method's number of members; any for a method with one member.

    Raises:
        ValueError: the tensor is no single image, or the method has another number of members.
    """
    if image.numel() != 28 * 28:
        raise ValueError(f"the image has the shape {list(image.shape)}; expected one of 28x28")
    prediction = method.predict(image.reshape(1, 1, 28, 28))
    if prediction.members not in (1, model_number):
        raise ValueError(
            f"{method.name} has {prediction.members or 'no countable'} members, not "
            f"{model_number}; build it with as many as are to vote"
        )
    return (prediction.vote_share[0] * model_number).round().long()
