"""What a user's networks, or anyone's predictions, are worth: measured and compared."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.api.arguments import ArgumentError, as_library, require_named, require_whole
from benchmarks.api.inputs import as_array, batches
from benchmarks.api.results import BenchmarkResults
from benchmarks.inference.image_values import NO_FITS, ImageValues, fits_to
from benchmarks.io import UserError, one_line
from benchmarks.predictions import StoredPrediction
from benchmarks.progress import progress_shown
from benchmarks.run.configuration import require_resampling
from benchmarks.score.arrays import HELD_OUT, LABELS, OOD, PROBABILITIES, Source, require_classes
from benchmarks.score.conditions import LABELLED, out_of_distribution
from benchmarks.score.external_predictions import (
    ExternalPredictions,
    given_predictions,
    require_same_images,
    with_scores,
)
from benchmarks.score.scoring import folder_for_scores, score, write_scores
from benchmarks.tasks.conditions import Condition
from methods import PooledMethod, Prediction, UncertaintyMethod
from methods.contract import ContractError, check_prediction

Methods = Mapping[str, UncertaintyMethod]
Blocks = dict[str, list[StoredPrediction]]
"""By method, its predictions of some images after the other."""


@as_library()
def evaluate(
    methods: Methods,
    data: Any,
    *,
    ood: Mapping[str, Any] | None = None,
    calibration: Any = None,
    resamples: int = 10_000,
    seed: int = 0,
    progress: bool = False,
    out: str | Path | None = None,
) -> BenchmarkResults:
    """RankedFamily methods on your own images, and compare them image by image.

    All methods predict the same batches, and the data are read once. Images are computed in the
    precision of each method's network, on its device.

    Args:
        methods: by the names that tables show, methods that are fitted, such as
            ``MCDropout.from_network(module)``.
        data: labelled images: a ``DataLoader`` or ``Dataset`` of (images, labels), or a pair of
            tensors or arrays, [images, ...] and [images], whole numbers from 0.
        ood: by name, sets of out-of-distribution images, likewise or without labels.
        calibration: labelled images that the networks were not trained on, for conformal sets and
            recalibrated metrics. Methods that are calibrated themselves are not, by this.
        resamples: bootstrap resamples of the images, for intervals.
        seed: of the resampling.
        progress: whether to show it on the standard error.
        out: a folder for numbers, tables, figures and a page, as of a run.

    Raises:
        TypeError: methods or data are of another type.
        ArgumentError: they do not fit together, or a prediction is not as it must be.
    """
    require_whole("resamples", resamples)
    require_whole("seed", seed)
    require_resampling(resamples, seed)
    _require_methods(methods)
    folder = None if out is None else folder_for_scores(Path(out))
    sets = {} if ood is None else ood
    require_named("ood", sets, '{"noise": images}')
    held_out = None if calibration is None else _predicted(methods, calibration, "calibration")
    predictions: dict[Condition, Blocks] = {LABELLED: _predicted(methods, data, "data")}
    for condition, (name, images) in zip(out_of_distribution(sets), sets.items(), strict=True):
        predictions[condition] = _predicted(methods, images, f"ood {name!r}", labelled=False)
    external = [_external(name, predictions, held_out) for name in methods]
    with progress_shown(progress):
        return _scored(external, resamples, seed, folder)


def _scored(
    external: list[ExternalPredictions], resamples: int, seed: int, folder: Path | None
) -> BenchmarkResults:
    scores = score(external, resamples=resamples, seed=seed)
    if folder is not None:
        write_scores(scores, external, folder, resamples=resamples, seed=seed)
    return BenchmarkResults(scores.results, scores.measurements)


def _require_methods(methods: Methods) -> None:
    example = '{"softmax": Softmax.from_network(module)}'
    require_named("methods", methods, example)
    if not methods:
        raise ArgumentError(f"methods: expected at least one method, such as {example}")
    for name, method in methods.items():
        if isinstance(method, nn.Module):
            raise TypeError(
                f"methods: {name!r} is a torch module; give a method, such as "
                "Softmax.from_network(module) or MCDropout.from_network(module)"
            )
        if not isinstance(method, UncertaintyMethod):
            raise TypeError(
                f"methods: {name!r} is a {type(method).__name__}; expected a fitted method, such "
                "as Softmax.from_network(module)"
            )


def _predicted(methods: Methods, data: Any, what: str, *, labelled: bool = True) -> Blocks:
    """What each method predicts of all batches; of members only what is measured is kept."""
    blocks: Blocks = {name: [] for name in methods}
    seen = 0
    for images, labels in batches(data, what, labelled=labelled):
        for name, method in methods.items():
            prediction = _prediction(name, method, images, what)
            if labels is not None:
                _require_classes(labels, prediction, what, first_image=seen)
            kept = with_scores(prediction, labels)
            without = replace(kept.prediction, member_probabilities=None, member_logits=None)
            blocks[name].append(replace(kept, prediction=without))
        seen += len(images)
    for name, of_method in blocks.items():
        for remark in {one.prediction.remark for one in of_method} - {""}:
            warnings.warn(f"{name}: {remark}", stacklevel=2)
    return blocks


def _require_classes(
    labels: Tensor, prediction: Prediction, what: str, *, first_image: int
) -> None:
    classes = prediction.mean.shape[1]
    try:
        require_classes(labels.numpy(), classes=classes, first_image=first_image)
    except UserError as error:
        raise ArgumentError(f"{what}: {error}") from error


def _prediction(name: str, method: UncertaintyMethod, images: Tensor, what: str) -> Prediction:
    """Of some images, checked.

    Raises:
        ArgumentError: the method cannot predict them, or what it predicts is no prediction.
    """
    cast = images.to(_precision(method)) if images.is_floating_point() else images
    shown = f"{name!r} cannot predict {what}, a batch {list(images.shape)} of {images.dtype}"
    try:
        prediction = method.predict(cast)
        check_prediction(prediction, len(images))
    except (RuntimeError, IndexError) as error:
        raise ArgumentError(
            f"{shown}: {one_line(error)}; expected images as the network was trained on"
        ) from error
    except ValueError as error:
        raise ArgumentError(f"{shown}: {one_line(error)}") from error
    except ContractError as error:
        raise ArgumentError(f"{name!r} predicts what is no prediction: {error}") from error
    return prediction


def _precision(method: UncertaintyMethod) -> torch.dtype:
    """Of the first parameter of its networks; single precision where it has none."""
    networks: Iterable[nn.Module] = method.fitted if isinstance(method, PooledMethod) else ()
    parameters = (one for network in networks for one in network.parameters())
    kinds = (one.dtype for one in parameters if one.is_floating_point())
    return next(kinds, torch.float32)


def _external(
    name: str, predictions: Mapping[Condition, Blocks], held_out: Blocks | None
) -> ExternalPredictions:
    """All that one method has predicted."""
    labels = [one.labels for one in predictions[LABELLED][name] if one.labels is not None]
    fits = fits_to(_mean_prediction(held_out[name]) if held_out else None)
    values = {
        condition: ImageValues(blocks[name], fits if condition == LABELLED else NO_FITS)
        for condition, blocks in predictions.items()
    }
    return ExternalPredictions(name, "", values, torch.cat(labels))


def _mean_prediction(blocks: list[StoredPrediction]) -> StoredPrediction:
    """Of the calibration images: no more is fitted to."""
    means = torch.cat([one.prediction.mean for one in blocks])
    labels = [one.labels for one in blocks if one.labels is not None]
    return StoredPrediction(Prediction.of(means[None]), torch.cat(labels))


EXAMPLE = '{"mine": probabilities}'


@as_library()
def score_predictions(
    predictions: Mapping[str, Any],
    labels: Any,
    *,
    ood: Mapping[str, Any] | None = None,
    calibration: tuple[Any, Any] | None = None,
    from_logits: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
    progress: bool = False,
    out: str | Path | None = None,
) -> BenchmarkResults:
    """RankedFamily predictions of the same images, and compare them image by image.

    >>> import numpy as np
    >>> sure, labels = np.tile([0.9, 0.1], (50, 1)), [0] * 45 + [1] * 5
    >>> results = score_predictions({"mine": sure}, labels, resamples=100)
    >>> one = results.summary.set_index("metric").loc["accuracy"]
    >>> float(one["value"])
    0.9

    Args:
        predictions: by the name that tables show, the members' probabilities, [members, images,
            classes], or [images, classes] of one member: tensors, arrays or frames.
        labels: [images], whole numbers from 0.
        ood: by name, sets of out-of-distribution images: by method, its probabilities; of a single
            method these alone.
        calibration: probabilities of images that the models were not trained on, by method or of a
            single one, and the labels; for conformal sets and recalibrated metrics.
        from_logits: whether all predictions are logits.
        resamples: bootstrap resamples of the images, for intervals.
        seed: of the resampling.
        progress: whether to show it on the standard error.
        out: a folder for numbers, tables, figures and a page, as of a run.

    Raises:
        TypeError: the predictions, or sets of images, are no dictionary by names.
        ArgumentError: they are no probabilities (or logits), or do not fit together.
    """
    require_whole("resamples", resamples)
    require_whole("seed", seed)
    require_resampling(resamples, seed)
    require_named("predictions", predictions, EXAMPLE)
    if not predictions:
        raise ArgumentError(f"predictions: expected at least one method, such as {EXAMPLE}")
    folder = None if out is None else folder_for_scores(Path(out))
    sets = {} if ood is None else ood
    require_named("ood", sets, '{"noise": probabilities}')
    arrays: dict[str, dict[str, Any]] = {PROBABILITIES: dict(predictions)}
    for name, given in sets.items():
        arrays[f"{OOD}{name}"] = _by_method(given, predictions, f"ood {name!r}")
    shared = {LABELS: labels}
    if calibration is not None:
        if not isinstance(calibration, (tuple, list)) or len(calibration) != 2:
            raise TypeError("calibration: expected a pair (probabilities, labels)")
        arrays[HELD_OUT[0]] = _by_method(calibration[0], predictions, "calibration")
        shared[HELD_OUT[1]] = calibration[1]
    external = []
    with progress_shown(progress):
        for method in predictions:
            own = {name: by_method[method] for name, by_method in arrays.items()} | shared
            sources = {name: Source(name, as_array(own[name], name)) for name in own}
            try:
                one = given_predictions(method, sources, from_logits=from_logits)
            except UserError as error:
                raise UserError(f"{method!r}: {error}") from error
            external.append(one)
        require_same_images(external)
        return _scored(external, resamples, seed, folder)


def _by_method(given: Any, methods: Mapping[str, Any], what: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        if len(methods) > 1:
            raise ArgumentError(
                f"{what}: there are {len(methods)} methods; expected a dictionary with the "
                f"probabilities of each: {', '.join(methods)}"
            )
        return dict.fromkeys(methods, given)
    if missing := [name for name in methods if name not in given]:
        raise ArgumentError(f"{what}: there are no probabilities of {missing[0]!r}; add them")
    return {name: given[name] for name in methods}
