from math import log

import numpy as np
import pytest
import scipy.stats
import torch

from methods.scores.probabilities import entropy, mutual_information, predictive_entropy


def random_members(members: int, images: int = 200, classes: int = 10) -> torch.Tensor:
    generator = np.random.default_rng(members)
    return torch.from_numpy(generator.dirichlet(np.full(classes, 0.3), (members, images)))


def test_entropy_agrees_with_scipy():
    probabilities = random_members(1)[0]
    np.testing.assert_allclose(
        entropy(probabilities), scipy.stats.entropy(probabilities, axis=1), rtol=1e-12
    )


def test_entropy_is_in_nats_and_exact_at_its_ends():
    rows = torch.tensor([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    torch.testing.assert_close(entropy(rows), torch.tensor([0, log(2), log(4)]).double())
    assert entropy(rows)[0] == 0


def test_single_precision_is_computed_in_double():
    probabilities = random_members(1)[0].float()
    assert torch.equal(entropy(probabilities), entropy(probabilities.double()))


def test_predictive_entropy_is_of_the_mean_not_the_mean_of_entropies():
    certain_of_different_classes = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert predictive_entropy(certain_of_different_classes.mean(0)).item() == log(2)


@pytest.mark.parametrize("members", [2, 50])
def test_mutual_information_is_the_mean_divergence_from_the_mean(members):
    probabilities = random_members(members)
    mean = probabilities.mean(0)
    expected_entropy = torch.stack([entropy(member) for member in probabilities]).mean(0)
    divergence = scipy.stats.entropy(probabilities, mean.expand_as(probabilities), axis=2).mean(0)
    np.testing.assert_allclose(
        mutual_information(mean, expected_entropy, members), divergence, atol=1e-12
    )


def test_mutual_information_of_agreeing_members_is_never_negative():
    mean = torch.tensor([[0.7, 0.3]]).double()
    assert mutual_information(mean, entropy(mean) + 1e-12, members=2).item() == 0


def test_mutual_information_of_one_member_is_undefined_but_of_the_exact_distribution_is_not():
    mean, expected_entropy = torch.tensor([[0.5, 0.5]]), torch.tensor([0.0])
    assert mutual_information(mean, expected_entropy, members=1).isnan().all()
    assert mutual_information(mean, expected_entropy, members=None).item() == log(2)


@pytest.mark.parametrize(
    "row", [[3.0, -2.0], [2.0, 1.0], [torch.nan, 0.5]], ids=["negative", "logits", "nan"]
)
def test_rows_that_are_no_distribution_are_refused(row):
    with pytest.raises(ValueError, match="image 1 has the probabilities"):
        entropy(torch.tensor([[0.5, 0.5], row]))


def test_members_axis_is_refused():
    with pytest.raises(ValueError, match=r"\[images, classes\]"):
        entropy(random_members(2))


def test_expected_entropy_in_other_units_is_refused():
    mean = torch.tensor([[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"exceeds the entropy of the mean by 0\.307"):
        mutual_information(mean, torch.tensor([1.0]), members=2)
