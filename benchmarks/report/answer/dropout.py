"""Whether one network with dropout left on does as well as the largest ensemble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.report.answer.candidates import is_ensemble
from benchmarks.report.answer.evidence import Evidence, Relation, networks
from benchmarks.report.answer.questions import judged_by
from benchmarks.report.editorial import DROPOUT
from benchmarks.report.read.comparisons import Choice, Quantity
from benchmarks.report.results import Results

NO_CHOICE = Choice("", "", "")


@dataclass(frozen=True)
class OneAndMany:
    """One network with dropout left on against the largest ensemble, both of the main recipe.

    Attributes:
        missing: why a run cannot tell; then there is nothing else.
        one, many: the two.
        relations: what tests say of one against many, by each measure of which either has a value.
        worths: how many of the networks one is worth, by each measure of which that is known.
    """

    missing: str = ""
    one: Choice = NO_CHOICE
    many: Choice = NO_CHOICE
    relations: Mapping[Quantity, Relation] = field(default_factory=dict)
    worths: Sequence[str] = ()

    @property
    def reply(self) -> str:
        """Yes: as good or better by all. No: worse by most, or by some and as good by none.

        By a measure without a test it is neither. Empty where the run cannot tell.
        """
        if self.missing:
            return ""
        counts = Counter(self.relations.values())
        worse, good = counts[Relation.WORSE], counts[Relation.BETTER] + counts[Relation.AS_GOOD]
        if good == counts.total():
            return "Yes"
        if 2 * worse > counts.total() or (worse and not good):
            return "No"
        return "In part" if worse else "Not decided"

    @property
    def worth(self) -> tuple[str, str, str] | None:
        """The least, the median and the largest worth over the measures."""
        ordered = sorted(self.worths, key=networks)
        return (ordered[0], median(ordered), ordered[-1]) if ordered else None


def one_and_many(results: Results) -> OneAndMany:
    """What tests say of the two, from the results of all recipes."""
    main = results.recipes[0]
    of_main = [Choice(main, *variant) for variant in results.of_recipe(main).largest]
    ensembles = [choice for choice in of_main if is_ensemble(results, choice)]
    sampled = [
        choice
        for choice in of_main
        if DROPOUT in results.names.method(choice.method).needs and choice not in ensembles
    ]
    if not sampled or not ensembles:
        missing = "ensemble" if sampled else "method that leaves dropout on"
        return OneAndMany(missing=f"it has no {missing}")
    (one, *_), (many, *_), evidence = sampled, ensembles, Evidence(results)
    measured = [
        quantity
        for quantity in judged_by(results)
        if evidence.value(one, quantity) or evidence.value(many, quantity)
    ]
    relations = evidence.relations(one, many, measured)
    if set(relations.values()) <= {Relation.UNTESTED}:
        return OneAndMany(missing="the two were not compared")
    worths = (evidence.worth(one, many, quantity) for quantity in judged_by(results))
    return OneAndMany("", one, many, relations, [worth[0] for worth in worths if worth])


def median(ordered: Sequence[str]) -> str:
    """Of sorted worths; of two open or different ends in the middle, the range between them.

    >>> median(["<1", "1.2", "1.6", ">50"]), median(["1.2", ">50"]), median(["<1"])
    ('1.4', '1.2 to >50', '<1')
    """
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if lower == upper:
        return lower
    if lower.startswith("<") or upper.startswith(">"):
        return f"{lower} to {upper}"
    return f"{(float(lower) + float(upper)) / 2:.2g}"
