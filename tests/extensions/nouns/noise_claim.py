"""A claim about the accuracy of single networks."""

from benchmarks.claims.claim import Claim, Part, by_parts
from benchmarks.claims.intervals import over_networks
from benchmarks.metrics.scoring import correct
from benchmarks.schema import Quantity
from benchmarks.vocabulary import CLEAN

NOISY = "noise-40"


def accuracy(condition):
    """The quantity of a condition."""
    label = f"accuracy, {condition}"
    return Quantity(label, "accuracy", method="softmax", condition=condition)


def measure(predictor):
    """The accuracy of each network on clean and noisy images."""
    units = [predictor.softmax(network) for network in range(predictor.networks)]
    return {
        accuracy(condition): [
            correct(predictor.get(unit, condition).mean, predictor.labels).double().mean().item()
            for unit in units
        ]
        for condition in (CLEAN, NOISY)
    }


def judge(numbers):
    """Whether noise lowers the accuracy."""
    pairs = zip(numbers[accuracy(CLEAN)], numbers[accuracy(NOISY)], strict=True)
    falls = over_networks([clean - noisy for clean, noisy in pairs])
    parts = [
        Part("fall of the accuracy, above 0 %", falls.percent(), falls.above()),
        Part("fall of the accuracy, above 50 %", falls.percent(), falls.above(0.5)),
    ]
    return by_parts(parts, f"Noise lowers the accuracy by {falls.percent()}.")


NOISE_LOWERS_ACCURACY = Claim(
    id="noise-lowers-accuracy",
    statement="Noise lowers the accuracy.",
    place="outlook",
    weight="supporting",
    rule="The 95 % interval (over networks) of the fall with noise of 40 % lies above 0 and 50 %.",
    measure=measure,
    judge=judge,
    figure="noisy-accuracy",
    against="Only one kind of noise is tried.",
)
