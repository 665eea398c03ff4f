"""Predictions that a user has already: measured and compared as by ``uncertainty-bench score``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.api.arguments import ArgumentError, as_library, require_named, require_whole
from benchmarks.api.inputs import as_array
from benchmarks.api.results import BenchmarkResults
from benchmarks.errors import UserError
from benchmarks.progress import progress_shown
from benchmarks.run.configuration import require_resampling
from benchmarks.score.arrays import HELD_OUT, LABELS, OOD, PROBABILITIES, Source
from benchmarks.score.external_predictions import given_predictions, require_same_images
from benchmarks.score.scoring import score

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
) -> BenchmarkResults:
    """Measure predictions of the same images, and compare them image by image.

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
        scores = score(external, resamples=resamples, seed=seed)
    return BenchmarkResults(scores.results, scores.measurements)


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
