"""Metrics against independent computations."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from img2img.errors import ConfigError
from img2img.metrics.paired import LPIPS, find_lpips_weights, l1, load_lpips, ms_ssim, psnr, ssim


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


def ms_ssim_by_hand(a, b):
    """Wang et al. 2003, Eq. 7, on grey images (H, W) in [0, 1], window by window in numpy.

    Contrast and structure of the windows inside the image, at the last scale the whole SSIM
    of every pixel with the image mirrored at its borders: as torchmetrics does.
    """
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # ibid., Sec. 3.2
    g = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window = np.outer(g, g) / g.sum() ** 2
    c1, c2 = 0.01**2, 0.03**2
    result = 1.0
    for scale, weight in enumerate(weights):
        last = scale == len(weights) - 1
        padded = [np.pad(v, 5, mode="reflect") if last else v for v in (a, b)]
        x, y = (np.lib.stride_tricks.sliding_window_view(v, (11, 11)) for v in padded)

        def mean(v):
            return (v * window).sum((-1, -2))

        mx, my = mean(x), mean(y)
        contrast = (2 * (mean(x * y) - mx * my) + c2) / (
            mean(x * x) - mx**2 + mean(y * y) - my**2 + c2
        )
        if last:
            contrast = contrast * (2 * mx * my + c1) / (mx**2 + my**2 + c1)
        result *= max(0.0, contrast.mean()) ** weight
        height, width = (side // 2 * 2 for side in a.shape)
        a, b = (v[:height, :width].reshape(height // 2, 2, -1, 2).mean((1, 3)) for v in (a, b))
    return result


def test_ms_ssim():
    generator = torch.Generator().manual_seed(0)
    rough = torch.rand(1, 1, 23, 25, generator=generator)
    real = torch.nn.functional.interpolate(rough, (181, 197), mode="bilinear") * 2 - 1
    noise = torch.randn(real.shape, generator=generator)
    fake = (0.8 * real + 0.2 * noise + 0.1).clamp(-1, 1)
    expected = ms_ssim_by_hand(*((v[0, 0].double().numpy() + 1) / 2 for v in (fake, real)))
    assert 0.3 < expected < 0.97
    assert float(ms_ssim(fake, real)[0]) == pytest.approx(expected, rel=1e-4)
    assert float(ms_ssim(real, real)[0]) == pytest.approx(1, abs=1e-5)
    assert ms_ssim(fake[..., :175], real[..., :175]) is None
    assert ms_ssim(fake[..., :176], real[..., :176]).shape == (1,)
    valid = torch.zeros(1, 1, 181, 197)
    assert float(ms_ssim(fake, real, valid)[0]) == pytest.approx(1, abs=1e-5)


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
    assert metric is None and "not computed" in remark and "training.lpips_weights" in remark
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no network: connections are refused
    path, remark = find_lpips_weights("auto", fetch=True)
    assert path is None and "could not be downloaded" in remark and "refused" in remark


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
