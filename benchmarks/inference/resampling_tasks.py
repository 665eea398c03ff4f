"""How the resampling of all measures is divided into tasks that fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from benchmarks.inference.image_sets import ImageSet
from benchmarks.metrics import METRICS, Family, Metric, in_families
from benchmarks.tasks.conditions import Condition
from methods.scores import of_probabilities


class ResamplingTask(NamedTuple):
    """What is resampled in one call, of a size that fits into memory.

    Attributes:
        recipes: those whose methods are compared; methods that train themselves are in each.
        conditions: some that are made of the same images, or averaged by the mean over a group.
        families: of the metrics that are computed.
        score: the score that these need, else empty.
        references: the conditions that these are compared with.
        further_scores: if there are any, methods are measured by their primary scores, and those of
            a single network also by each of these, to compare one score with another.
    """

    recipes: tuple[str, ...]
    conditions: tuple[Condition, ...]
    families: tuple[type[Family], ...]
    score: str = ""
    references: tuple[Condition, ...] = ()
    further_scores: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """All that it is of; no other task of a run has the same."""
        conditions, references = (
            [one.name for one in several] for several in (self.conditions, self.references)
        )
        families = [family.__name__ for family in self.families]
        parts = (self.recipes, conditions, families, [self.score], references, self.further_scores)
        return "; ".join(map(" ".join, parts))

    @property
    def in_families(self) -> list[Family]:
        """The metrics by family."""
        return in_families(m for m in METRICS.values() if m.family in self.families)

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, in the order of the arrays of `Resampled`."""
        return [metric for family in self.in_families for metric in family.metrics]

    @property
    def needs(self) -> frozenset[str]:
        """What its metrics need."""
        return frozenset(need for family in self.families for need in family.needs)

    @property
    def images(self) -> list[ImageSet]:
        """The images of each condition."""
        return [self._images_of(condition) for condition in self.conditions]

    @property
    def reference_images(self) -> list[ImageSet]:
        """The images of each condition's reference."""
        known = self._known
        return [self._images_of(known[condition.reference]) for condition in self.conditions]

    @property
    def averaged(self) -> dict[str, list[int]]:
        """By group, the positions of its conditions that are in its mean."""
        groups: dict[str, list[int]] = {}
        for position, condition in enumerate(self.conditions):
            if condition.in_mean:
                groups.setdefault(condition.group, []).append(position)
        return groups

    @property
    def _known(self) -> dict[str, Condition]:
        return {condition.name: condition for condition in (*self.references, *self.conditions)}

    def _images_of(self, condition: Condition) -> ImageSet:
        paired = self._known.get(condition.paired_with, condition)
        return ImageSet(condition.paired_with, paired.data, condition.subset)


def resampling_tasks(
    recipes: Iterable[tuple[str, ...]],
    conditions: Iterable[Condition],
    method_scores: Iterable[str] = (),
    further_scores: Iterable[str] = (),
) -> list[ResamplingTask]:
    """All resampling tasks of recipes that are compared with one another, and of conditions.

    Args:
        recipes: those that are compared.
        conditions: under which.
        method_scores: the scores that predictions hold, beside those of probabilities.
        further_scores: those of them that are compared with the methods' primary scores.
    """
    known = {condition.name: condition for condition in conditions}
    families = [family for family in _families() if family.resampled]
    ranking = tuple(family for family in families if "score" in family.needs)
    parts = [(ranking, score) for score in (*of_probabilities(), *method_scores) if ranking]
    parts += [((family,), "") for family in families if family not in ranking]
    detecting = tuple(family for family in ranking if "reference" in family.needs)
    further = tuple(further_scores)
    tasks = []
    for together in _drawn_together(known.values()):
        references = _references(together, known)
        for compared in recipes:
            task = ResamplingTask(compared, together, (), "", references)
            tasks += [task._replace(families=chosen, score=score) for chosen, score in parts]
            if further and detecting and _is_noticed(together):
                tasks.append(task._replace(families=detecting, further_scores=further))
    return tasks


def _is_noticed(together: Iterable[Condition]) -> bool:
    """Whether their images belong to no class, which is what further scores are made for."""
    return all(one.labels == "none" and not one.subset for one in together)


def _drawn_together(conditions: Iterable[Condition]) -> list[tuple[Condition, ...]]:
    """The conditions by what joins them: the same images, or the mean over their group."""
    joined: list[tuple[set[tuple[str, str]], list[Condition]]] = []
    for condition in conditions:
        keys = {("images", condition.paired_with)}
        keys |= {("mean", condition.group)} if condition.in_mean else set()
        touched = [one for one in joined if keys & one[0]]
        together = [member for _, members in touched for member in members]
        new = keys.union(*(one[0] for one in touched)), [*together, condition]
        position = joined.index(touched[0]) if touched else len(joined)
        joined = [one for one in joined if one not in touched]
        joined.insert(position, new)
    return [tuple(together) for _, together in joined]


def _references(
    together: tuple[Condition, ...], known: Mapping[str, Condition]
) -> tuple[Condition, ...]:
    """The conditions that some are compared with; each once, in their order."""
    names = dict.fromkeys(condition.reference for condition in together)
    return tuple(known[name] for name in names)


def _families() -> list[type[Family]]:
    return list(dict.fromkeys(metric.family for metric in METRICS.values()))
