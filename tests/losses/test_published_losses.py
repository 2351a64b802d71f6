"""The published loss values, on the published numbers."""

import pytest
import torch
from torch.testing import assert_close

from img2img.inference.published import recognise
from img2img.losses.adversarial import adversarial_loss
from img2img.losses.matching import PerceptualLoss, feature_matching_loss
from img2img.networks.pretrained import VGGFeatures

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def judged(vector):
    tensors, description = vector("net_multiscale_D")
    state = {
        k.removeprefix("sd_interm/"): v for k, v in tensors.items() if k.startswith("sd_interm/")
    }
    network = recognise(state, "").build().eval()
    with torch.no_grad():
        return network(tensors["input_real"]), network(tensors["input_fake"]), description["losses"]


@pytest.mark.parametrize("kind", ["lsgan", "vanilla"])
@pytest.mark.parametrize("picture", ["real", "fake"])
@pytest.mark.parametrize("target", [True, False])
def test_adversarial(judged, kind, picture, target):
    real, fake, losses = judged
    predictions = [scale[-1] for scale in (real if picture == "real" else fake)]
    value = adversarial_loss(predictions, target, kind=kind, scales="sum")
    expected = losses[f"{kind}_{picture}_{'true' if target else 'false'}"]
    assert float(value) == pytest.approx(expected, rel=1e-4)
    mean = adversarial_loss(predictions, target, kind=kind, scales="mean")
    assert float(mean) == pytest.approx(expected / 3, rel=1e-4)


def test_feature_matching(judged):
    real, fake, losses = judged
    value = 10 * feature_matching_loss(fake, real)
    assert float(value) == pytest.approx(losses["feature_matching_lambda10"], rel=1e-4)


def test_single_predictions(vector):
    tensors, description = vector("func_junyanz_ganloss")
    for name, expected in description["values"].items():
        kind, target = name.split("_")
        if kind in ("lsgan", "vanilla"):
            value = adversarial_loss(tensors["prediction"], target == "True", kind=kind)
            assert float(value) == pytest.approx(expected, rel=1e-4)


def test_perceptual_loss_and_its_gradient(vector):
    tensors, description = vector("func_vgg_loss")
    loss = PerceptualLoss(VGGFeatures("vgg19", tensors, imagenet_norm=False))
    x = tensors["x"].clone().requires_grad_()
    value = loss(x, tensors["y"])
    value.backward()
    assert float(value.detach()) == pytest.approx(description["loss"], rel=1e-4)
    assert_close(x.grad, tensors["grad_x"], rtol=1e-3, atol=1e-4)
    for index, expected in enumerate(loss.features(tensors["x"])):
        assert_close(expected, tensors[f"feat_x/{index}"], rtol=1e-4, atol=1e-3)
