"""A choice by its name: the method, its size and score, and how its networks are trained."""

from __future__ import annotations

from benchmarks.report.answer.evidence import Candidate
from benchmarks.report.editorial import DROPOUT
from benchmarks.report.results import Results


def label(results: Results, candidate: Candidate, *, retrained: bool = True) -> str:
    """A choice as a table names it.

    Args:
        retrained: whether to say how its networks are trained, where that can be chosen.
    """
    return with_training(results, candidate, _trained(results, candidate) if retrained else "")


def with_training(results: Results, candidate: Candidate, trained: str) -> str:
    """The same, with these words on how its networks are trained; empty: none."""
    name = _name(results, candidate).removeprefix("the ")
    return f"{name[:1].upper()}{name[1:]}{_details(results, candidate, trained)}"


def in_sentence(results: Results, candidate: Candidate, *, retrained: bool = True) -> str:
    """The same within a sentence."""
    trained = _trained(results, candidate) if retrained else ""
    return f"{_name(results, candidate)}{_details(results, candidate, trained)}"


def _name(results: Results, candidate: Candidate) -> str:
    """The method's name; that of the score, where the choice is to rank images by another one."""
    if candidate.score:
        return results.names.score(candidate.score).label
    return results.names.in_text(candidate.method)


def _details(results: Results, candidate: Candidate, trained: str) -> str:
    size = results.names.size(candidate.variant) if candidate.members not in ("", "1") else ""
    scored = f"with {results.names.in_text(candidate.method)}" if candidate.score else ""
    details = ", ".join(filter(None, (scored, size, trained)))
    return f" ({details})" if details else ""


def kind_of_training(results: Results, recipe: str) -> str:
    """Whether its networks are trained with dropout, in words; empty if it is no known recipe."""
    known = {one.name: one for one in results.names.recipes}
    if recipe not in known:
        return ""
    return f"trained with{'' if known[recipe].dropout else 'out'} dropout"


def _trained(results: Results, candidate: Candidate) -> str:
    """How its networks are trained, in the words that tell them from others; empty: no others."""
    recipe = candidate.recipe
    known = {one.name: one for one in results.names.recipes if one.name in results.recipes}
    if recipe not in known:
        return ""
    alike = [one for one in known.values() if one.split == known[recipe].split]
    dropout = bool(known[recipe].dropout)
    if len(alike) == 1:
        return ""
    differ_by_dropout = len({one.network for one in alike}) == 1
    if differ_by_dropout and [bool(one.dropout) for one in alike].count(dropout) == 1:
        if dropout and DROPOUT in results.names.method(candidate.method).needs:
            return ""  # it needs what tells the recipe from others
        return kind_of_training(results, recipe)
    return f"recipe {recipe}"
