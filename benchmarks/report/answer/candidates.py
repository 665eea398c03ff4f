"""What a user may choose, and in which order of cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from benchmarks.nouns import Variant
from benchmarks.report.answer.questions import Question
from benchmarks.report.editorial import MORE_TRAINING
from benchmarks.report.results import Candidate, Results
from benchmarks.report.timings import main_setup, milliseconds
from benchmarks.schema import members_rank, where
from benchmarks.vocabulary import SELF_TRAINED

NOT_MEASURED = "not measured in this run"

Cost = tuple[int, float, tuple[int, str], tuple[bool, int, str, float], tuple[int, str]]


def candidates(results: Results, question: Question) -> list[Candidate]:
    """Of each recipe and method the largest size that the question allows, the cheapest first.

    Where it allows other scores than methods' primary ones, those count as further choices by each
    score with which they were compared with others.
    """
    allowed: dict[tuple[str, str], Candidate] = {}
    for choice in sorted(_measured(results, question), key=lambda one: cost(results, one)):
        if _is_allowed(results, question, choice):
            allowed[choice[:2]] = choice
    chosen = list(allowed.values())
    if question.by_any_score:
        chosen += [one for one in results.further_scored if one._replace(score="") in chosen]
    return sorted(chosen, key=lambda one: cost(results, one))


def objection(results: Results, question: Question, found: Sequence[Candidate]) -> str:
    """Why nothing can be recommended among these, whatever tests say; empty if nothing is wrong."""
    several = question.networks is not None and question.networks > 1
    if question.milliseconds is not None and main_setup(results.latency) is None:
        return "latency was not measured"
    if not found and question.milliseconds is not None:
        return f"no method answers within {question.milliseconds:g} ms"
    if not found:
        return NOT_MEASURED
    if several and not any(is_ensemble(results, one) for one in found):
        return f"no ensemble of at most {question.networks} networks was compared"
    return ""


def cost(results: Results, choice: Candidate) -> Cost:
    """Networks, then passes; a cheaper choice comes first, equal ones as they are shown."""
    size = members_rank(choice.members)
    networks = int(size) if is_ensemble(results, choice) and math.isfinite(size) else 1
    names = results.names
    score = names.score_rank(choice.score) if choice.score else (-1, "")
    recipe = names.recipe_rank(choice.recipe)
    return (networks, size, recipe, names.rank(choice.variant), score)


def is_ensemble(results: Results, choice: Candidate) -> bool:
    """Whether its members are networks."""
    return results.names.method(choice.method).counts_networks


def label(results: Results, choice: Candidate, *, of_recipe: bool = True) -> str:
    """A choice by its name, for example ``SWAG (S = 30, recipe plain)``; a user's own as it is.

    Args:
        of_recipe: whether to name the recipe, where the run has several.
    """
    names = results.names
    record = names.method(choice.method)
    method, of_method = record.label, ""
    if choice.score:
        method, of_method = names.score(choice.score).label, f"with {method}"
    size = names.size(choice.variant) if choice.members not in ("", "1") else ""
    several = len(results.recipes) > 1 and choice.recipe in results.recipes
    recipe = f"recipe {choice.recipe}" if of_recipe and several else ""
    details = ", ".join(filter(None, (of_method, size, recipe)))
    is_users_own = record.position < 0 and not choice.score
    name = method if is_users_own else f"{method[:1].upper()}{method[1:]}"
    return f"{name}{f' ({details})' if details else ''}"


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


def _measured(results: Results, question: Question) -> Iterator[Candidate]:
    """What has a value, of the main recipe and of others with the same training images."""
    main = results.recipes[0]
    splits = {recipe.name: recipe.split for recipe in results.names.recipes}
    keys = results.summary[results.summary["value"].notna()][["recipe", "method", "members"]]
    for recipe, method, members in keys.drop_duplicates().itertuples(index=False):
        trains_alike = recipe == SELF_TRAINED or splits.get(recipe) == splits.get(main)
        if recipe == main or (question.retrains and trains_alike):
            yield Candidate(recipe, method, members)


def _is_allowed(results: Results, question: Question, choice: Candidate) -> bool:
    most, limit = question.networks, question.milliseconds
    needs = results.names.method(choice.method).needs
    if MORE_TRAINING in needs and not question.retrains:
        return False
    if most is not None and cost(results, choice)[0] > most:
        return False
    # An ensemble of one is the network alone, which is another choice.
    if is_ensemble(results, choice) and (most == 1 or choice.members == "1"):
        return False
    if limit is None:
        return True
    timing = single_image(results, choice.variant)
    return timing is not None and slowest(timing) <= limit


def slowest(timing: pd.Series) -> float:
    """The milliseconds of 99 % of the calls, or of half of them where too few were timed."""
    return float(timing["p50_ms"] if pd.isna(timing["p99_ms"]) else timing["p99_ms"])
