"""What follows from numbers of replicates: intervals, verdicts, correlations and variances."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from benchmarks.epistemic.analysis import FOREIGN, MISSING_DATA, analysed, interval
from benchmarks.epistemic.experiments import NOISES, PAIRS, sizes
from benchmarks.epistemic.stage import components
from benchmarks.schema import where
from benchmarks.vocabulary import CLEAN

LEVELS = (*sizes((0.01, 0.1)), *NOISES, PAIRS)
REPLICATES = range(3)
SIZES = ["share-0.01", "share-0.1", "all"]
OOD = "out-of-distribution-mean"


def test_interval_is_students() -> None:
    values = np.random.default_rng(1).normal(size=5)
    mean, lower, upper = interval(values.tolist())
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert (mean, lower, upper) == pytest.approx((values.mean(), *expected))


def made_up() -> pd.DataFrame:
    """An epistemic part that falls with data, an aleatoric one that is the label noise alone."""
    rows, random = [], np.random.default_rng(3)
    for method in ("mc_dropout_article", "deep_ensemble"):
        for level in LEVELS:
            for replicate in REPLICATES:
                place = {"level": level.name, "method": method, "members": "5"}
                place |= {"replicate": replicate}
                noise = level.noise.share
                values = {
                    (CLEAN, "", "accuracy"): 0.9 + 0.02 * np.log10(level.share) - 0.9 * noise,
                    (CLEAN, "log-aleatoric", "mean"): 0.5 + noise,
                    (OOD, "log-aleatoric", "mean"): 1.5,
                    (OOD, "log-aleatoric", "auroc"): 0.9,
                    ("corrupted-mean", "log-aleatoric", "mean"): 0.3,
                    (CLEAN, "log-epistemic", "mean"): 0.1 - 0.05 * np.log10(level.share),
                    (CLEAN, "disagreement", "mean"): 0.1 - 0.05 * np.log10(level.share),
                    (CLEAN, "brier-epistemic", "mean"): 0.08,
                }
                rows += [
                    place
                    | dict(zip(("condition", "measure", "statistic"), key, strict=True))
                    | {"value": value * (1 + 1e-3 * random.normal())}
                    for key, value in values.items()
                ]
    for kind in ("bootstrap", "tenths"):
        for replicate in REPLICATES:
            place = {"level": kind, "method": "", "members": "", "replicate": replicate}
            place |= {"condition": CLEAN, "measure": ""}
            parts = {"draw": 0.05, "seed": 0.02, "both": 0.03}
            rows += [place | {"statistic": name, "value": v} for name, v in parts.items()]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def analysis() -> pd.DataFrame:
    return analysed(made_up(), LEVELS, 10)


def test_verdicts_say_what_the_means_do(analysis: pd.DataFrame) -> None:
    ratios = where(analysis, statistic="ratio", condition=CLEAN)
    verdicts = {
        (row.experiment, row.measure): (row.verdict, row.expected) for row in ratios.itertuples()
    }
    assert verdicts["data-size", "log-epistemic"] == ("falls", "falls")
    assert verdicts["data-size", "log-aleatoric"] == ("stays", "stays")
    assert verdicts["label-noise", "log-epistemic"] == ("stays", "stays")
    assert verdicts["label-noise", "log-aleatoric"] == ("rises", "rises")


def test_slope_is_by_a_tenfold_number_of_images(analysis: pd.DataFrame) -> None:
    slopes = where(analysis, statistic="slope", measure="log-epistemic")["value"]
    assert slopes.tolist() == pytest.approx([-0.05, -0.05], abs=1e-3)


def test_correlations_are_pearsons_and_the_error_their_distance_from_the_ideal(
    analysis: pd.DataFrame,
) -> None:
    own = where(analysis, experiment="disentanglement", method="deep_ensemble")
    values = own.set_index("statistic")["value"]
    rows = where(made_up(), method="deep_ensemble", condition=CLEAN)
    levels = {"noise": ["all", *(level.name for level in NOISES)], "size": SIZES}
    measures = {"aleatoric": "log-aleatoric", "epistemic": "log-epistemic"}
    errors = []
    for part, axis in product(measures, levels):
        by_replicate = []
        for replicate in REPLICATES:
            cells = where(rows, replicate=replicate).set_index(["measure", "level"])["value"]
            uncertainty, accuracy = (
                [cells[name, level] for level in levels[axis]] for name in (measures[part], "")
            )
            by_replicate.append(-stats.pearsonr(uncertainty, accuracy).statistic)
        assert values[f"{part}-{axis}"] == pytest.approx(np.mean(by_replicate)), (part, axis)
        ideal = (part, axis) in (("aleatoric", "noise"), ("epistemic", "size"))
        errors.append(np.abs(np.array(by_replicate) - ideal).mean())
    assert values["error"] == pytest.approx(np.mean(errors))
    assert values["aleatoric-noise"] == pytest.approx(1, abs=1e-3)


def test_expected_entropy_is_compared_with_that_of_the_noise(analysis: pd.DataFrame) -> None:
    own = where(analysis, statistic="over-truth", level="noise-0.4", method="deep_ensemble")
    assert own["value"].item() == pytest.approx(0.9 / 1.4444, rel=1e-2)


def test_claims_of_the_article_are_judged_by_its_two_methods(analysis: pd.DataFrame) -> None:
    claims = where(analysis, experiment="claims").set_index("measure")["verdict"]
    assert claims.to_dict() == {MISSING_DATA: "reproduced", FOREIGN: "reproduced"}
    without = made_up()
    swapped = (without["method"] == "deep_ensemble") & (without["condition"] == OOD)
    swapped &= without["statistic"] == "mean"
    without.loc[swapped, "value"] = 0.4
    claims = where(analysed(without, LEVELS, 10), experiment="claims")
    one = analysed(where(without, method="deep_ensemble"), LEVELS, 10)
    assert where(one, experiment="claims").empty
    assert claims.set_index("measure")["verdict"][FOREIGN] == "partly reproduced"


def test_spread_of_members_is_a_share_of_the_variance_over_draws(analysis: pd.DataFrame) -> None:
    own = where(analysis, experiment="variance", level="bootstrap")
    assert where(own, statistic="draw")["value"].item() == pytest.approx(0.5)
    spreads = where(own, statistic="spread")["value"]
    assert spreads.tolist() == pytest.approx([1.0, 1.0], abs=0.01)  # .08 · 5 / 4 of .1


def test_components_of_variance_are_those_of_the_model() -> None:
    draws, seeds, images, classes = 5, 4, 3000, 2
    scale = {"draw": 0.3, "seed": 0.2, "both": 0.1}
    shapes = {
        "draw": (draws, 1, images, classes),
        "seed": (1, seeds, images, classes),
        "both": (draws, seeds, images, classes),
    }
    random = np.random.default_rng(2)
    table = sum(scale[name] * random.normal(size=shape) for name, shape in shapes.items())
    found = components(torch.from_numpy(np.asarray(table)))
    for name, deviation in scale.items():
        assert found[name] == pytest.approx(classes * deviation**2, rel=0.1), name


def test_methods_without_members_have_no_epistemic_rows() -> None:
    rows = made_up()
    rows.loc[rows["measure"] == "log-epistemic", "value"] = np.nan
    analysis = analysed(rows, LEVELS, 10)
    assert where(analysis, statistic="ratio", measure="log-epistemic").empty
    errors = where(analysis, experiment="disentanglement", statistic="error")["value"]
    assert errors.isna().all()
