"""The best of several contestants, and which are better than one of them, by one measure.

The best: for contestant i, t_ji is how much better j is, in standard errors of this difference. Of
the best itself, max_j t_ji exceeds its critical value q_i in 5 % of the cases, so the set of all
contestants with max_j t_ji ≤ q_i contains the best with 95 % confidence: multiple comparisons with
the best, each contestant its own control (Hsu 1984, Annals of Statistics 12; Hsu 1996, Multiple
Comparisons, ch. 4). Against one of them: differences d ± q · se hold all truths in 95 % of the
cases, with q that of max_j |t_j| (Dunnett 1955, JASA 50).

Critical values are those of redraws, of a difference *and its variance* together: replicates from a
normal distribution with the contestants' variances, and their mean correlation where they are
paired; images by the covariance of influences, with the degrees of freedom of their groups. The
redrawn t have the heavy tails of few replicates where these decide, and are nearly normal where
images do. Five replicates cannot show how thirty contestants depend on one another; a common
correlation, in place of the estimated ones, counts dependent contestants as more than they are.

Variances are not moderated (shrunk to a pooled value, Smyth 2004). In simulation intervals would be
a third narrower where all variances are alike; but contestants by the same networks vary ten times
less against each other than against others, and then the best is missed in 8 % of the cases, and
some difference in 12 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from benchmarks.inference.evidence import Between, HeadlineEvidence
from benchmarks.inference.intervals import ROUNDING
from benchmarks.metrics import METRICS
from benchmarks.vocabulary import CONFIDENCE

DRAWS = 20_000
"""Redraws. Another seed moves a half-width by 1 % at most (standard deviation over seeds)."""

BLOCK = 500
"""Redraws at once, of each contestant."""

PAIRS = 2**16
"""Numbers at once of each two contestants and a redraw: as many as fit into a fast cache."""

RESOLVED = 1e-6
"""The narrowest difference that counts as one, relative to the widest: a root of a matrix has half
of its digits."""

OfContestants = Float64[np.ndarray, " contestants"]


class Judged(NamedTuple):
    """What the rule says of the contestants of a budget by a measure.

    Attributes:
        best: whether each is in the set that contains the best.
        stays: the share of redraws in which it is.
        half_widths: of the differences to one contestant; NaN without such, and of itself.
    """

    best: Bool[np.ndarray, " contestants"]
    stays: OfContestants
    half_widths: OfContestants


def judge(
    evidence: HeadlineEvidence, alone: int | None, draws: int = DRAWS, seed: int = 0
) -> Judged:
    """The best of contestants, and how far they are apart from one of them.

    Args:
        evidence: of at least two contestants with as many replicates each, all values finite.
        alone: the position of the one; ``None``: there is none.
        draws, seed: of the redraws.
    """
    sign = 1.0 if METRICS[evidence.measure.metric].better == "higher" else -1.0
    variances = _over_images(evidence) + _over_replicates(evidence)
    differs = variances > RESOLVED**2 * variances.max()
    errors = np.sqrt(np.where(differs, variances, 1.0))
    gains = sign * (evidence.means - evidence.means[:, None])  # [i, j]: how much better j is
    # Of contestants that never differ in a draw, one may be better all the same.
    certain = np.where(np.abs(gains) > ROUNDING, np.copysign(np.inf, gains), 0.0)
    own = np.where(differs, gains / errors, certain)
    moved, most, apart = [], [], []
    for means, redrawn in _redraws(evidence, draws, seed):
        t = means[:, None, :] - means[:, :, None]
        t /= np.sqrt(np.where(differs, redrawn, np.inf))
        moved.append(means)
        most.append(t.max(axis=2))
        apart.append(np.abs(t[:, alone]).max(axis=1) if alone is not None else np.zeros(len(t)))
    critical = np.quantile(np.concatenate(most), CONFIDENCE, axis=0)
    # Copies are in the set together: each by the largest of their critical values.
    critical = np.where(~differs & (certain == 0), critical, 0.0).max(axis=1)
    stays = np.zeros(len(gains))
    for means in moved:
        t = (gains + means[:, None, :] - means[:, :, None]) / np.where(differs, errors, np.inf)
        stays += (t.max(axis=2) <= critical).sum(axis=0)
    half_widths = np.full(len(gains), np.nan)
    if alone is not None:
        half_widths = np.quantile(np.concatenate(apart), CONFIDENCE) * errors[alone]
        half_widths[~differs[alone]] = 0.0
        half_widths[alone] = np.nan
    return Judged(own.max(axis=1) <= critical, stays / draws, half_widths)


def _shared(evidence: HeadlineEvidence) -> Between:
    """The covariances over images of what replicates share, or of means where it is not known."""
    apart = np.isnan(evidence.matched[evidence.paired]).any()
    return evidence.every if apart else evidence.shared


def _over_images(evidence: HeadlineEvidence) -> Between:
    """The variances of differences over images, of what replicates share."""
    return _differences(_shared(evidence))


def _over_replicates(evidence: HeadlineEvidence) -> Between:
    """The variances of differences over replicates, paired where contestants are."""
    return _differences(_covariance(evidence))


def _covariance(evidence: HeadlineEvidence) -> Between:
    """Of the contestants' means over replicates; 0 where they are not paired."""
    values = np.array(evidence.replicates)
    count = values.shape[1]
    deviations = values - values.mean(axis=1, keepdims=True)
    covariance: Between = deviations @ deviations.T / max(count - 1, 1) / count
    return np.where(evidence.paired, covariance, 0.0)


def _differences(covariance: Between) -> Between:
    own = np.diagonal(covariance, axis1=-2, axis2=-1)
    variances = own[..., :, None] + own[..., None, :] - 2 * covariance
    positive: Between = np.maximum(variances, 0.0)
    return positive


def _redraws(
    evidence: HeadlineEvidence, draws: int, seed: int
) -> Iterator[tuple[Float64[np.ndarray, "draws contestants"], Float64[np.ndarray, "draws i j"]]]:
    """Redraws of the contestants' means, of mean 0, and of the variances of their differences."""
    random = np.random.default_rng(seed)
    over_images, root = _over_images(evidence), _root(_shared(evidence))
    covariance, count = _covariance(evidence), int(evidence.counts[0])
    errors, degrees = np.sqrt(count * np.diagonal(covariance)), evidence.drawn.degrees
    common = np.sqrt(_mean_correlation(covariance, evidence.paired))
    _, kind = np.unique([entry.networks for entry in evidence.entries], return_inverse=True)
    for start in range(0, draws, BLOCK):
        block = min(BLOCK, draws - start)
        means = random.standard_normal((block, len(root))) @ root
        chance = random.chisquare(degrees, block) / degrees
        effects = np.zeros((block, 1, len(root)))
        if count > 1:
            own = random.standard_normal((block, count, len(root)))
            together = random.standard_normal((block, count, kind.max() + 1))[:, :, kind]
            effects = errors * (common * together + np.sqrt(1 - common**2) * own)
            average = effects.mean(axis=1)
            means += average
            effects -= average[:, None]
        for part in np.array_split(np.arange(block), -(-block * root.size // PAIRS)):
            variances = chance[part, None, None] * over_images
            redrawn = effects[part].swapaxes(1, 2) @ effects[part] / max(count - 1, 1) / count
            variances += _differences(np.where(evidence.paired, redrawn, 0.0))
            yield means[part], variances


def _mean_correlation(covariance: Between, paired: Bool[np.ndarray, "i j"]) -> float:
    """Of paired contestants that vary, between 0 and 1."""
    error = np.sqrt(np.diagonal(covariance))
    both = np.outer(error, error)
    pairs = paired & ~np.eye(len(error), dtype=bool) & (both > 0)
    return float(np.clip((covariance[pairs] / both[pairs]).mean(), 0, 1)) if pairs.any() else 0.0


def _root(covariance: Between) -> Between:
    """The symmetric root, which does not depend on the signs of eigenvectors.

    Of a matrix put together from pairs, negative eigenvalues are left out.
    """
    values, vectors = np.linalg.eigh(covariance)
    root: Between = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
