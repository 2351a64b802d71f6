"""Metrics against independent computations."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from img2img.errors import ConfigError
from img2img.metrics.paired import LPIPS, l1, load_lpips, psnr, ssim


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    real = torch.rand(2, 3, 24, 32, generator=generator) * 2 - 1
    noise = torch.randn(2, 3, 24, 32, generator=generator)
    return (real + 0.1 * noise).clamp(-1, 1), real


def test_l1_and_psnr(pair):
    import kornia.metrics

    fake, real = pair
    for i in range(2):
        assert float(l1(fake, real)[i]) == pytest.approx(float((fake[i] - real[i]).abs().mean()))
        expected = kornia.metrics.psnr(fake[i], real[i], 2.0)
        assert float(psnr(fake, real)[i]) == pytest.approx(float(expected), rel=1e-5)
    assert psnr(real, real)[0] == 100


def ssim_by_hand(a, b):
    """Wang et al. 2004 with an 11x11 Gaussian of sigma 1.5 on images in [0, 1]."""
    x = torch.arange(11.0) - 5
    g = torch.exp(-(x**2) / (2 * 1.5**2))
    window = (g[:, None] * g[None]) / g.sum() ** 2
    window = window.expand(3, 1, 11, 11)
    padded = [torch.nn.functional.pad(v[None], (5, 5, 5, 5), mode="reflect") for v in (a, b)]

    def blur(v):
        return torch.nn.functional.conv2d(v, window, groups=3)

    a, b = padded
    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean()


def test_ssim(pair):
    fake, real = pair
    expected = ssim_by_hand((fake[0] + 1) / 2, (real[0] + 1) / 2)
    assert float(ssim(fake, real)[0]) == pytest.approx(float(expected), rel=1e-3)
    assert float(ssim(real, real)[0]) == pytest.approx(1, abs=1e-4)
    assert ssim(fake[..., :8, :8], real[..., :8, :8]) is None


def test_ignored_pixels_do_not_count(pair):
    fake, real = pair
    spoiled = fake.clone()
    spoiled[..., :12, :] = 1.0
    valid = torch.ones(2, 1, 24, 32)
    valid[..., :12, :] = 0
    assert torch.allclose(l1(spoiled, real, valid), l1(fake[..., 12:, :], real[..., 12:, :]))
    assert torch.allclose(psnr(spoiled, real, valid), psnr(fake[..., 12:, :], real[..., 12:, :]))
    other = fake.clone()
    other[..., :12, :] = -0.5
    assert torch.equal(ssim(spoiled, real, valid), ssim(other, real, valid))


def test_lpips_is_off_or_named(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert load_lpips("none")[0] is None
    metric, remark = load_lpips("auto")
    assert metric is None and "not computed" in remark


@pytest.mark.shared_data
def test_lpips_with_stand_in_weights(shared, pair, tmp_path):
    weights = shared / "data/weights/vgg16_features.safetensors"
    metric = LPIPS(weights)
    state = load_file(weights)
    state.pop("features.0.bias")
    save_file(state, tmp_path / "half.safetensors")
    with pytest.raises(ConfigError, match="incomplete"):
        LPIPS(tmp_path / "half.safetensors")
    fake, real = pair
    same, near = metric(real, real), metric(fake, real)
    far = metric(-real, real)
    assert same.abs().max() < 1e-6
    assert (near > 0).all() and (far > near).all()
    assert metric(fake[:, :1], real[:, :1]).shape == (2,)
    assert metric(fake[..., :8, :8], real[..., :8, :8]) is None
    # The same features as our own VGG16 gives: two independent wirings of one file.
    from img2img.networks.pretrained import load_vgg

    vgg, _ = load_vgg("vgg16", str(weights))
    ours = vgg(real)
    # lpips scales its input by constants of its own, near ImageNet's.
    first = metric.metric.net.slice1[:2](metric.metric.scaling_layer(real))
    assert torch.allclose(ours[0], first, atol=0.05)
