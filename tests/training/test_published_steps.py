"""Two whole training steps of the published codes, reproduced by the one trainer."""

import json

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch.testing import assert_close

from img2img.config import load_config
from img2img.data.loader import PairDataset
from img2img.data.spec import DataSpec
from img2img.fields import Image, Instance, Label
from img2img.fields.image import ImageSpec
from img2img.inference.published import recognise
from img2img.models import OPTIONS, build_model
from img2img.models.base import load_strictly
from img2img.training.optim import linear
from img2img.training.trainer import Trainer

pytestmark = pytest.mark.shared_data


class NoPairs:
    """A source of one pair that nobody reads."""

    def __len__(self):
        return 1


def make_trainer(options, spec, weights, tmp_path):
    settings = {"training.workers": 0, "training.device": "cpu", "training.steps": 2}
    config = load_config(OPTIONS, overrides={**options, **settings})
    model = build_model(config, spec)
    for name, state in weights.items():
        load_strictly(getattr(model, name), recognise(state, name).build().state_dict(), name)
    nothing = PairDataset(NoPairs(), None)
    empty = type("Empty", (PairDataset,), {"__len__": lambda self: 0})(NoPairs(), None)
    return Trainer(config, model, nothing, empty, tmp_path, Accelerator(cpu=True))


def part(tensors, prefix):
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def take_step(trainer, batch):
    progress = trainer.progress
    factor = trainer.schedule.factor(step=progress.step, epoch=progress.epoch)
    trainer.stepper.set_learning_rate(factor)
    trainer.stepper.step([batch])
    trainer.progress.step += 1
    return trainer.stepper.means.read()[0]


def test_pix2pixhd(vector, tmp_path):
    tensors, description = vector("step_global")
    options = {
        "model": "pix2pixHD",
        "model.width": 4,
        "model.n_down": 2,
        "model.n_blocks": 2,
        "model.d_width": 4,
        "model.num_D": 2,
        "model.scales": "sum",
        "model.up": "transposed",
        "model.weights.l1": 0,
        "model.weights.perceptual": 0,
    }
    spec = DataSpec(
        inputs=(
            Label(name="label", part="label", classes=35),
            Instance(name="instance", part="instance"),
        )
    )
    weights = {
        "generator": part(tensors, "sd_G_init/"),
        "discriminator": part(tensors, "sd_D_init/"),
    }
    trainer = make_trainer(options, spec, weights, tmp_path)
    batch = {
        "label": tensors["label"].long(),
        "instance": tensors["inst"].long(),
        "target": tensors["image_uint8"].float() / 127.5 - 1,
    }
    with torch.no_grad():
        assert_close(
            trainer.model.translate(batch), tensors["generated_step1"], rtol=1e-4, atol=1e-5
        )
    for expected in description["losses_before_step_1_2_and_after_2"][:2]:
        means = take_step(trainer, batch)
        assert means["g/adv"] == pytest.approx(expected["G_GAN"], rel=1e-4)
        assert 10 * means["g/feature_matching"] == pytest.approx(expected["G_GAN_Feat"], rel=1e-4)
        assert means["d/real"] == pytest.approx(expected["D_real"], rel=1e-4)
        assert means["d/fake"] == pytest.approx(expected["D_fake"], rel=1e-4)
    with torch.no_grad():
        generated = trainer.model.translate(batch)
    assert_close(generated, tensors["generated_after_2_steps"], rtol=1e-4, atol=1e-5)
    after = description["losses_before_step_1_2_and_after_2"][2]
    assert take_step(trainer, batch)["g/adv"] == pytest.approx(after["G_GAN"], rel=1e-4)


def test_pix2pix(vector, tmp_path):
    tensors, description = vector("step_pix2pix")
    options = {
        "model": "pix2pix",
        "model.width": 4,
        "model.depth": 5,
        "model.dropout": 0,
        "model.d_width": 4,
        "model.norm": "batch",
        "model.bias": False,
        "model.up": "transposed",
        "model.adversarial": "non_saturating",
    }
    spec = DataSpec(inputs=(Image(name="A", part="A", image=ImageSpec()),), target_part="B")
    prefixes = {k.split("/")[0] for k in tensors if k.startswith("sd")}
    generator = next(p for p in prefixes if "G" in p)
    discriminator = next(p for p in prefixes if "D" in p)
    weights = {
        "generator": part(tensors, f"{generator}/"),
        "discriminator": part(tensors, f"{discriminator}/"),
    }
    trainer = make_trainer(options, spec, weights, tmp_path)
    batch = {"A": tensors["A"], "target": tensors["B"]}
    for expected in description["losses"]:
        means = take_step(trainer, batch)
        assert means["d/real"] == pytest.approx(expected["D_real"], rel=1e-4)
        assert means["d/fake"] == pytest.approx(expected["D_fake"], rel=1e-4)
        assert means["g/adv"] == pytest.approx(expected["G_GAN"], rel=1e-4)
        assert 100 * means["g/l1"] == pytest.approx(expected["G_L1"], rel=1e-4)
    with torch.no_grad():
        fake = trainer.model.train().translate(batch)
    assert_close(fake, tensors["fake_after_2_steps_train_mode"], rtol=1e-4, atol=1e-5)


def test_learning_rates(shared):
    schedule = json.loads((shared / "vectors" / "func_lr_schedule.json").read_text())
    ours = [2e-4 * linear(epoch, 100, 100) for epoch in range(200)]
    np.testing.assert_allclose(ours, schedule["pix2pixHD"]["lr_used_in_epoch_1_to_200"], rtol=1e-6)
    small = [2e-4 * linear(epoch, 3, 5) for epoch in range(8)]
    np.testing.assert_allclose(small, schedule["pix2pixHD_small"]["lr_used"], rtol=1e-6)
    junyanz = [2e-4 * linear(epoch, 99, 101) for epoch in range(200)]
    expected = schedule["junyanz"]["lambda_of_scheduler_epoch_0_to_199"]
    np.testing.assert_allclose(junyanz, expected, rtol=1e-6)
