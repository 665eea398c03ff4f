"""What a user may choose in a situation, and in which order of cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import starmap

import pandas as pd

from benchmarks.nouns import Variant
from benchmarks.report.answer.evidence import Candidate
from benchmarks.report.answer.situations import Situation
from benchmarks.report.editorial import MORE_TRAINING
from benchmarks.report.numbers.cost import main_setup, milliseconds
from benchmarks.report.results import Results
from benchmarks.schema import members_rank, where
from benchmarks.vocabulary import SELF_TRAINED

NOT_MEASURED = "not measured in this run"

Cost = tuple[int, float, tuple[int, str], tuple[bool, int, str, float], tuple[int, str]]


def candidates(
    results: Results, situation: Situation, *, by_any_score: bool = False
) -> list[Candidate]:
    """Of each recipe and method the largest size that the situation allows, the cheapest first.

    Args:
        by_any_score: whether those count as further choices by each score with which they were
            compared with others.
    """
    allowed: dict[tuple[str, str], Candidate] = {}
    for candidate in sorted(_measured(results, situation), key=lambda one: cost(results, one)):
        if _is_allowed(results, situation, candidate):
            allowed[candidate[:2]] = candidate
    chosen = list(allowed.values())
    if by_any_score:
        every = starmap(Candidate, results.further_scored)
        chosen += [one for one in every if one._replace(score="") in chosen]
    return sorted(chosen, key=lambda one: cost(results, one))


def objection(results: Results, situation: Situation, found: Sequence[Candidate]) -> str:
    """Why nothing can be recommended among these, whatever tests say; empty if nothing is wrong."""
    several = situation.networks is not None and situation.networks > 1
    if situation.milliseconds is not None and main_setup(results.latency) is None:
        return "latency was not measured"
    if not found and situation.milliseconds is not None:
        return f"no method answers within {situation.milliseconds:g} ms"
    if not found:
        return NOT_MEASURED
    if several and not any(is_ensemble(results, one) for one in found):
        return f"no ensemble of at most {situation.networks} networks was compared"
    return ""


def cost(results: Results, candidate: Candidate) -> Cost:
    """Networks, then passes; a cheaper choice comes first, equal ones as they are shown."""
    size = members_rank(candidate.members)
    networks = int(size) if is_ensemble(results, candidate) and math.isfinite(size) else 1
    names = results.names
    score = names.score_rank(candidate.score) if candidate.score else (-1, "")
    recipe = names.recipe_rank(candidate.recipe)
    return (networks, size, recipe, names.rank(candidate.variant), score)


def is_ensemble(results: Results, candidate: Candidate) -> bool:
    """Whether its members are networks."""
    return results.names.method(candidate.method).counts_networks


def single_image(results: Results, variant: Variant) -> pd.Series | None:
    """The timing of a single image in the setup that methods are compared in."""
    setup = main_setup(results.latency)
    return None if setup is None else milliseconds(results.latency, setup, variant, 1)


def score_of_single_image(results: Results, score: str) -> pd.Series | None:
    """The timing of a further score of a single image."""
    if results.score_latency.empty:
        return None
    rows = where(results.score_latency, score=score, batch_size=1, status="ok")
    return None if rows.empty else rows.iloc[0]


def _measured(results: Results, situation: Situation) -> Iterator[Candidate]:
    """What has a value, of the main recipe and of others with the same training images."""
    main = results.recipes[0]
    splits = {recipe.name: recipe.split for recipe in results.names.recipes}
    keys = results.summary[results.summary["value"].notna()][["recipe", "method", "members"]]
    for recipe, method, members in keys.drop_duplicates().itertuples(index=False):
        trains_alike = recipe == SELF_TRAINED or splits.get(recipe) == splits.get(main)
        if recipe == main or (situation.retrains and trains_alike):
            yield Candidate(recipe, method, members)


def _is_allowed(results: Results, situation: Situation, candidate: Candidate) -> bool:
    most, limit = situation.networks, situation.milliseconds
    needs = results.names.method(candidate.method).needs
    if MORE_TRAINING in needs and not situation.retrains:
        return False
    if most is not None and cost(results, candidate)[0] > most:
        return False
    # An ensemble of one is the network alone, which is another candidate.
    if is_ensemble(results, candidate) and (most == 1 or candidate.members == "1"):
        return False
    if limit is None:
        return True
    timing = single_image(results, candidate.variant)
    return timing is not None and slowest(timing) <= limit


def slowest(timing: pd.Series) -> float:
    """The milliseconds of 99 % of the calls, or of half of them where too few were timed."""
    return float(timing["p50_ms"] if pd.isna(timing["p99_ms"]) else timing["p99_ms"])
