"""The claim that fifty models are expensive, by times that the run has."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, RulePart, by_parts
from benchmarks.claims.numbers import ValueRange, interval, rows, values
from benchmarks.claims.predictor import ENSEMBLE, PASSES, SAMPLED, Predictor
from benchmarks.schema import read_table, where
from benchmarks.vocabulary import LATENCY_CSV

LEAST_RATIO = 10
"""From this ratio on training is called costly: an order of magnitude."""

ENGINES = {"numba": "the kernels", "torch": "PyTorch"}


def measure_cost(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Seconds in which each network was trained, and milliseconds of predicting by each engine."""
    folder, device = predictor.workspace.out, predictor.plan.configuration.device
    if not (folder / LATENCY_CSV).exists():
        raise NotTestableError("Nothing is timed: there is no latency.csv; run the stage latency.")
    # Of whole batches on the run's device.
    latency = where(read_table(folder, LATENCY_CSV), status="ok", score="")
    latency = latency[latency["device"].str.startswith(device)]
    compared = {ENSEMBLE: str(predictor.networks), SAMPLED: str(PASSES)}
    medians = {
        (engine, method): _milliseconds(where(latency, engine=engine, method=method, members=size))
        for engine in ENGINES
        for method, size in compared.items()
    }
    timed = [e for e in ENGINES if all(medians[e, method] for method in compared)]
    if not timed:
        raise NotTestableError(
            f"latency.csv has no times of {ENSEMBLE} with {predictor.networks} members and of "
            f"{SAMPLED} with {PASSES}."
        )
    pool, training = predictor.pool()
    seconds = [pool.training_seconds([n], training.fingerprint) for n in range(predictor.networks)]
    yield rows("training_seconds", seconds)
    for engine in timed:
        for method in compared:
            yield rows("p50_ms", medians[engine, method] or math.nan, method=method, case=engine)


def _milliseconds(timed: pd.DataFrame) -> ValueRange | None:
    """Median and its bounds, on one thread, at the largest batch size, if it was timed."""
    if timed.empty:
        return None
    row = timed.sort_values(["threads", "batch_size"], ascending=[True, False]).iloc[0]
    return ValueRange(*row[["p50_ms", "p50_lower_ms", "p50_upper_ms"]].astype(float))


def judge_cost(table: pd.DataFrame) -> Judgement:
    """Training takes 10 times as long, and by each engine predicting longer than 100 passes."""
    seconds = values(table, "training_seconds")
    least = seconds.sum() / seconds.max()
    known = not math.isnan(least)  # of networks that an earlier version has trained it is not
    what = f"training {len(seconds)} networks, against the slowest of them (condition 1)"
    shown = f"{least:.0f} times as long" if known else "not known"
    parts = [RulePart(what, shown, bool(least >= LEAST_RATIO) if known else None)]
    timed = table.loc[table["metric"] == "p50_ms", "case"]
    for engine in dict.fromkeys(timed):
        ensemble, sampled = (
            interval(table, "p50_ms", method=method, case=engine) for method in (ENSEMBLE, SAMPLED)
        )
        what = f"{ENGINES[engine]}: prediction by the ensemble, against {PASSES} passes"
        too_few = math.isnan(ensemble.lower) or math.isnan(sampled.upper)
        slower = None if too_few else ensemble.lower > sampled.upper
        shown = f"{ensemble.value / sampled.value:.2f} times"
        parts.append(RulePart(f"{what} (condition 2)", shown, slower))
    return by_parts(parts, "{held} of {asked} conditions that could be judged hold.")


COST = Claim(
    id="fifty-is-expensive",
    statement="Training 50 models is costly in computation and time.",
    place="introduction of dropout as a replacement for an ensemble",
    weight="check",
    rule="Condition 1: the run's 50 networks took at least 10 times as long to train as the "
    "slowest of them. Condition 2, by each engine on one thread: the ensemble of 50 predicts more "
    "slowly than 100 passes; the 95 % intervals of the medians do not overlap. Reproduced: all "
    "conditions hold. Partly reproduced: some hold. A condition without times or without an "
    "interval is not judged.",
    measure=measure_cost,
    judge=judge_cost,
    figure="cost",
    against="Fifty is the article's number. A much smaller ensemble may be as good as MC-dropout, "
    "and predict faster: answer.csv has how many networks MC-dropout is worth. Times differ from "
    "run to run, and networks are trained while others are, too.",
    least_networks=2,
)
