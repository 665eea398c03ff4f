"""What is required of a user's module, and of how it is to be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from numbers import Integral

import torch
from jaxtyping import Float
from torch import Tensor, nn


def copied(module: nn.Module) -> nn.Module:
    """A copy of the module.

    Raises:
        ValueError: it is no module, or cannot be copied.
    """
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"the network is a {type(module).__name__}; expected a trained torch.nn.Module (load a "
            "state dict into one)"
        )
    try:
        return deepcopy(module)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"the module cannot be copied: {str(error).split('.')[0]}. After a forward with "
            "torch.nn.utils.weight_norm, call remove_weight_norm, or use the one of "
            "torch.nn.utils.parametrizations"
        ) from error


def require_modules(modules: Iterable[nn.Module]) -> tuple[nn.Module, ...]:
    """The members of an ensemble, which any iterable may give.

    Raises:
        ValueError: it is a single module, or there is none.
    """
    if isinstance(modules, nn.Module) and not isinstance(modules, nn.ModuleList):
        raise ValueError(
            f"a single module is given ({type(modules).__name__}); expected a list of modules, "
            "each a member of the ensemble"
        )
    if members := tuple(modules):
        return members
    raise ValueError("no module is given; expected at least one member of the ensemble")


def require_count(name: str, value: int) -> None:
    """Check an argument that counts.

    Raises:
        ValueError: it is not a whole number from 1.
    """
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {value!r}; expected a whole number, at least 1")


def require_equal_widths(what: str, parts: Sequence[Tensor]) -> None:
    """Check that the last axes of the networks' outputs are equal.

    Raises:
        ValueError: they differ.
    """
    widths = [part.shape[-1] for part in parts]
    if len(set(widths)) > 1:
        raise ValueError(
            f"the numbers of {what} of the networks are {', '.join(map(str, widths))}; expected "
            "the same for all"
        )


@contextmanager
def without_random_numbers(device: str) -> Iterator[None]:
    """Check that nothing is drawn from the global random state, which is left as it was.

    Raises:
        ValueError: something is drawn.
    """
    before = _random_states(device)
    yield
    if all(map(torch.equal, before, _random_states(device))):
        return
    torch.set_rng_state(before[0])
    if len(before) > 1:
        torch.cuda.set_rng_state(before[1], device)
    raise ValueError(
        "the module draws random numbers in evaluation mode, so no prediction could be repeated; "
        "give torch.nn.functional.dropout the argument training=self.training, or use nn.Dropout"
    )


def require_shared_masks(
    of_two: Sequence[tuple[str, torch.Size]], of_three: Sequence[tuple[str, torch.Size]]
) -> None:
    """Check that the first axis alone of dropout's inputs grows with the images.

    So it is the images, or images times their parts, and a mask of one row serves all images.

    Args:
        of_two, of_three: the dropout layers that forwards of two and of three images reach, with
            the shapes of their inputs.

    Raises:
        ValueError: an image's masks would depend on the other images of its batch.
    """
    if len(of_two) != len(of_three):
        raise ValueError(
            f"dropout layers are called {len(of_two)} times for 2 images and {len(of_three)} times "
            "for 3; expected calls with all images at once"
        )
    for (layer, two), (_, three) in zip(of_two, of_three, strict=True):
        if len(two) < 2 or two[0] * 3 != three[0] * 2 or two[1:] != three[1:]:
            raise ValueError(
                f"the layer {layer} gets the shape {list(two)} for 2 images and {list(three)} for "
                "3; its first axis must be the images"
            )


def require_rows(outputs: object, images: int) -> None:
    """Check that a module returns a row of logits for each image.

    Raises:
        ValueError: what it returns is not [images, classes].
    """
    if not isinstance(outputs, Tensor):
        raise ValueError(
            f"the module returns a {type(outputs).__name__}; wrap it in one that returns logits, "
            "a tensor [images, classes]"
        )
    if outputs.ndim != 2 or outputs.shape[0] != images or outputs.shape[1] < 2:
        raise ValueError(
            f"the module returns the shape {list(outputs.shape)} for {images} images; expected "
            "logits, [images, classes] with at least two classes"
        )


def require_no_probabilities(outputs: Float[Tensor, "*rows classes"]) -> None:
    """Check that a module does not return probabilities: all rows together, since one of logits
    may sum to 1 by chance.

    Raises:
        ValueError: no value is below 0, and all rows sum to 1 but for rounding.
    """
    off = (outputs.double().sum(dim=-1) - 1).abs()
    eps = torch.finfo(outputs.dtype).eps if outputs.is_floating_point() else 0.0
    rounding = max(2 * eps, 1e-3)
    if outputs.numel() and bool((outputs >= 0).all() and (off < rounding).all()):
        raise ValueError(
            "the module returns probabilities (rows sum to 1); leave out its softmax, so that it "
            "returns logits"
        )


def _random_states(device: str) -> list[Tensor]:
    of_device = [torch.cuda.get_rng_state(device)] if device.startswith("cuda") else []
    return [torch.get_rng_state(), *of_device]
