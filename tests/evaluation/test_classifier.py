"""A classifier trained on the spot, and what it says of generated pictures."""

import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F
from torch.optim.optimizer import register_optimizer_step_pre_hook

from img2img.errors import DataError
from img2img.evaluation.judges.classifier import (
    _moved,
    classified_scores,
    classify,
    train_classifier,
)

CLASSES = 4


def bars(count, seed):
    """Pictures of a bright bar, at noise: upright, lying, on one diagonal or the other."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=draw)
    line = torch.eye(12)
    shapes = torch.stack([F.pad(torch.ones(12, 2), (5, 5)), F.pad(torch.ones(2, 12), (0, 0, 5, 5))])
    shapes = torch.cat([shapes, torch.stack([line, line.flip(0)])])
    noise = torch.randn(count, 1, 12, 12, generator=draw) * 0.3
    return (shapes[labels][:, None] * 1.6 - 0.8 + noise).clamp(-1, 1), labels


@pytest.fixture(scope="module")
def classifier():
    return train_classifier(*bars(300, 0), classes=CLASSES, steps=60)


def scored(classifier, fake, real, wanted=None):
    seen = (classify(classifier, images) for images in (fake, real))
    return classified_scores(*seen, classes=CLASSES, wanted=wanted)


def test_it_learns_and_judges_pictures_made_for_a_class(classifier):
    fake, wanted = bars(200, 1)
    real, _ = bars(200, 2)
    scores = scored(classifier, fake, real, wanted)
    assert scores["accuracy"] > 0.95
    assert scores["modes"] == CLASSES and scores["even"] > 3.8
    wrong = scored(classifier, fake, real, (wanted + 1) % CLASSES)
    assert wrong["accuracy"] < 0.05
    assert "accuracy" not in scored(classifier, fake, real)


def test_a_collapsed_generator_is_told(classifier):
    fake, labels = bars(300, 1)
    real, _ = bars(200, 2)
    one = fake[labels == 2]
    scores = scored(classifier, one, real)
    assert scores["modes"] == 1
    assert scores["frechet"] > 20 * scored(classifier, fake, real)["frechet"]


def test_frechet_is_the_distance_of_gaussians_of_its_features(classifier):
    fake, _ = bars(300, 1)
    real, _ = bars(300, 2)
    predicted, features = classify(classifier, fake)
    assert torch.equal(predicted, classifier(fake).argmax(1))
    one, other = (f.double().numpy() for f in (features, classify(classifier, real)[1]))
    first, second = np.cov(one.T), np.cov(other.T)
    root = scipy.linalg.sqrtm(first @ second).real
    means = one.mean(0) - other.mean(0)
    expected = means @ means + np.trace(first + second - 2 * root)
    found = scored(classifier, fake, real)["frechet"]
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_the_seed_decides_and_the_global_one_is_left_alone():
    images, labels = bars(80, 0)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = train_classifier(images, labels, classes=CLASSES, steps=3)
    assert torch.equal(torch.get_rng_state(), before)
    second = train_classifier(images, labels, classes=CLASSES, steps=3)
    other = train_classifier(images, labels, classes=CLASSES, steps=3, seed=1)
    assert torch.equal(first(images), second(images))
    assert not torch.equal(first(images), other(images))
    assert not first.training and not any(p.requires_grad for p in first.parameters())


def test_the_learning_rate_falls_in_half_a_cosine():
    rates = []
    hook = register_optimizer_step_pre_hook(
        lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"])
    )
    try:
        train_classifier(*bars(80, 0), classes=CLASSES, steps=4)
    finally:
        hook.remove()
    assert rates == pytest.approx(
        [0.003 * share for share in (1, 0.853553, 0.5, 0.146447)], rel=1e-5
    )


def test_pictures_are_moved_by_up_to_two_pixels_and_their_border_is_repeated():
    images = torch.rand(300, 2, 5, 6)
    seen = set()
    for image, moved in zip(images, _moved(images, torch.Generator().manual_seed(0)), strict=True):
        fitting = [
            (down, across)
            for down in range(-2, 3)
            for across in range(-2, 3)
            if torch.equal(moved, shifted(image, down, across))
        ]
        assert len(fitting) == 1
        seen.add(*fitting)
    assert len(seen) == 25


def shifted(image, down, across):
    rows = (torch.arange(image.shape[1]) + down).clamp(0, image.shape[1] - 1)
    columns = (torch.arange(image.shape[2]) + across).clamp(0, image.shape[2] - 1)
    return image[:, rows][:, :, columns]


def test_what_cannot_be_trained_on():
    images, labels = bars(8, 0)
    with pytest.raises(DataError, match="0 pictures and 0 classes"):
        train_classifier(images[:0], labels[:0], classes=CLASSES)
    with pytest.raises(DataError, match="8 pictures and 3 classes"):
        train_classifier(images, labels[:3], classes=CLASSES)
    with pytest.raises(DataError, match=r"classes from \d to 3, not 0 to 1"):
        train_classifier(images, labels.clone().index_fill(0, torch.tensor([0]), 3), classes=2)
