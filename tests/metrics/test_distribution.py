"""Metrics of sets against formulas written down anew, and the network that they look through."""

import numpy as np
import pytest
import scipy.linalg
import torch
from safetensors.torch import save_file
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from img2img.errors import ConfigError
from img2img.metrics.distribution import (
    Inception,
    fid,
    find_inception,
    kid,
    kid_subset_size,
    precision_recall,
)


def features(seed, count, shift=0.0, scale=1.0, size=6):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(size, size)) / size
    return torch.from_numpy(rng.normal(shift, scale, (count, size)) @ mixed).float()


def test_fid_is_the_distance_of_two_gaussians():
    """||m1 - m2||^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), with the root taken by scipy."""
    fake, real = features(0, 60, 0.5), features(1, 80, scale=2.0)
    one, other = fake.double().numpy(), real.double().numpy()
    covariances = [np.cov(x.T) for x in (one, other)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    means = one.mean(0) - other.mean(0)
    expected = means @ means + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert fid(fake, real) == pytest.approx(expected, rel=1e-6)
    assert fid(real, real) == pytest.approx(0, abs=1e-6)
    # One dimension, where the formula is (m1 - m2)^2 + (s1 - s2)^2.
    line = torch.linspace(-1, 1, 50)[:, None].repeat(1, 2) * torch.tensor([1.0, 0.0])
    moved = line * torch.tensor([3.0, 0.0]) + torch.tensor([4.0, 0.0])
    spread = float(line[:, 0].std())
    assert fid(moved, line) == pytest.approx(16 + (2 * spread) ** 2, rel=1e-5)


def mmd_by_hand(x, y):
    """Gretton et al. 2012, Eq. 3, with the kernel (x.y / d + 1)^3: sums over pairs, one by one."""

    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    m = len(x)
    within = sum(
        kernel(v[i], v[j]) for v in (x, y) for i in range(m) for j in range(m) if i != j
    ) / (m * (m - 1))
    between = sum(kernel(a, b) for a in x for b in y) / (m * m)
    return within - 2 * between


def test_kid_is_the_mean_over_subsets():
    fake, real = features(0, 21, 0.5), features(1, 20)
    rng = np.random.RandomState(2020)
    values = []
    for _ in range(100):
        chosen = [x.double().numpy()[rng.choice(len(x), 10, replace=False)] for x in (fake, real)]
        values.append(mmd_by_hand(*chosen))
    value, error = kid(fake, real)
    assert value == pytest.approx(np.mean(values), rel=1e-6)
    assert error == pytest.approx(np.std(values), rel=1e-6)  # half of them: no further factor


def test_kid_tells_how_far_it_may_be_off():
    """The standard error is about as large as what new samples change."""
    found = np.array([kid(features(2 * i, 40), features(2 * i + 1, 40, 0.3)) for i in range(40)])
    assert 0.6 < found[:, 1].mean() / found[:, 0].std() < 1.8


@pytest.mark.slow
def test_subsets():
    assert kid_subset_size(24) == 12
    assert kid_subset_size(1999) == 999
    assert kid_subset_size(50_000) == 1000
    # A subset of a quarter varies by sqrt(3) times the error of the whole.
    fake, real = features(0, 4000, 0.2, size=2), features(1, 4000, size=2)
    _, error = kid(fake, real)
    rng = np.random.RandomState(2020)
    values = []
    for _ in range(100):
        x, y = (v.double().numpy()[rng.choice(4000, 1000, replace=False)] for v in (fake, real))
        kernels = [(a @ b.T / 2 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
        within = sum((k.sum() - np.trace(k)) / (1000 * 999) for k in kernels[:2])
        values.append(within - 2 * kernels[2].mean())
    assert error == pytest.approx(np.std(values) / np.sqrt(3), rel=1e-6)


def test_precision_and_recall_of_points_on_a_line():
    """Real points at 0, 1, ..., 9: the third neighbour is 2 to 3 away, so -3 to 12 is among them.

    Fakes at 0, 1, 2, 3 and one at 100, whose third neighbour is 99 away: all of the line is
    among the fakes.
    """
    real = torch.arange(10.0)[:, None]
    fake = torch.tensor([0.0, 1, 2, 3, 100])[:, None]
    assert precision_recall(fake, real) == pytest.approx((4 / 5, 1.0))
    # Without it: 0 and 3 reach 3 far, 1 and 2 reach 2, so that 0 ... 6 of ten are among them.
    assert precision_recall(fake[:4], real) == pytest.approx((1.0, 7 / 10))
    assert precision_recall(real + 50, real) == pytest.approx((0.0, 0.0))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file with the keys of torch-fidelity's weights, and random numbers."""
    path = tmp_path_factory.mktemp("inception") / "weights.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        module = "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url"
        patch.setattr(module, lambda *_, **__: {})
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        torch.manual_seed(0)
        network = FeatureExtractorInceptionV3("random", ["2048"])
    save_file(network.state_dict(), path)
    return path, network


def test_inception_is_the_library_s_with_the_weights_of_the_file(weights):
    path, network = weights
    images = torch.rand(2, 3, 40, 50) * 2 - 1
    found = Inception(path)(images)
    stored = ((images + 1) * 127.5).round().to(torch.uint8)
    assert found.shape == (2, 2048) and found.std() > 0
    assert torch.equal(found, network(stored)[0])


def test_weights_that_are_not_there_or_others(tmp_path, monkeypatch):
    save_file({"conv.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match="not the Inception weights of torch-fidelity"):
        Inception(tmp_path / "other.safetensors")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no network: connections are refused
    path, problem = find_inception(None)
    assert path is None and "refused" in problem and "--inception FILE" in problem
    cached = tmp_path / "hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_bytes(b"")
    assert find_inception(None) == (cached, "")
    assert find_inception(tmp_path / "own.pth") == (tmp_path / "own.pth", "")
