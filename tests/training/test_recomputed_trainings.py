"""Trainings that store less, activations or gradients, equal one that stores all, bit by bit."""

import pytest
import torch
from accelerate import Accelerator
from few import few

from img2img.config import load_config
from img2img.data.describe import describe_data
from img2img.data.loader import PairDataset, collate
from img2img.data.transforms import JointTransform
from img2img.losses.matching import PerceptualLoss
from img2img.models import OPTIONS, build_model
from img2img.networks.pretrained import BLOCKS, VGGFeatures
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

SMALL = {
    "model.width": 4,
    "model.d_width": 4,
    "training.device": "cpu",
    "data.scene_size": (32, 32),
    "data.scenes": 4,
    "data.val_scenes": 1,
}
HD = {"model": "pix2pixHD", "model.n_down": 2, "model.n_blocks": 2}
TRAININGS = {
    # Levels of a U-Net below the fourth drop out.
    "pix2pix": {"model": "pix2pix", "model.patch": 16, "data.scene_size": (64, 64)},
    "pix2pix-batch-norm": {"model": "pix2pix", "model.patch": 16, "model.norm": "batch"},
    "global": HD,
    "enhancer": {
        **HD,
        "model.generator": "enhancer",
        "model.n_blocks_enhancer": 1,
        "model.coarse_fixed_epochs": 1,
    },
    "features": {**HD, "model.features": True, "model.e_width": 4, "model.e_down": 2},
    "unet": {"model": "pix2pixHD", "model.generator": "unet"},
    "accumulation": {**HD, "training.accumulation": 2, "training.ema": 0.9},
    "bf16": {**HD, "training.precision": "bf16"},
}


def thin_vgg():
    """VGG16 with two channels a layer, which reads pictures."""
    torch.manual_seed(7)
    state, layer, channels = {}, 0, 3
    for count in BLOCKS["vgg16"]:
        for _ in range(count):
            state[f"features.{layer}.weight"] = torch.randn(2, channels, 3, 3)
            state[f"features.{layer}.bias"] = torch.randn(2)
            layer, channels = layer + 2, 2
        layer += 1
    return VGGFeatures("vgg16", state)


def train(options, steps=4, early=True):
    """The losses of all steps, and all that the training has moved."""
    config = load_config(OPTIONS, overrides={**SMALL, **options})
    torch.manual_seed(0)
    data = describe_data(config.data)
    model = build_model(config, data.spec)
    if hasattr(model, "perceptual"):
        model.perceptual = PerceptualLoss(thin_vgg())
    precision = "bf16" if config.training.precision == "bf16" else "no"
    accelerator = Accelerator(cpu=True, mixed_precision=precision)
    state = TrainingState(config, model.train(), accelerator, pairs=4, criterion="ssim")
    stepper = Stepper(state, accelerator)
    assert stepper._early
    stepper._early = early
    pairs = PairDataset(data.train, JointTransform(config.data, data.spec, train=True))
    batches = [collate([pairs[(i, 0)], pairs[(i + 1, 0)]]) for i in (0, 2)]
    losses = []
    for step in range(steps):
        state.progress.epoch = step // 2
        stepper.step(batches if config.training.accumulation > 1 else [batches[step % 2]])
        losses.append(stepper.means.read())
        state.progress.step += 1
    moved = dict(model.state_dict())
    for name, optimizer in state.optimizers.items():
        for index, moments in optimizer.state_dict()["state"].items():
            moved |= {f"{name}/{index}/{key}": value for key, value in moments.items()}
    if state.average:
        moved |= state.average.networks["generator"].state_dict()
    return losses, moved


@pytest.mark.parametrize("name", few(TRAININGS, "pix2pix", "features"))
def test_a_training_with_checkpointing_equals_one_without(name, fresh_engine):
    losses, moved = train(TRAININGS[name])
    again, found = train({**TRAININGS[name], "training.activation_checkpointing": True})
    assert losses == again
    different = [key for key, value in moved.items() if not torch.equal(value, found[key])]
    assert not different


@pytest.mark.parametrize("name", few(TRAININGS, "pix2pix", "features"))
def test_weights_stepped_in_the_backward_pass_equal_those_stepped_after_it(name, fresh_engine):
    losses, moved = train(TRAININGS[name])
    again, found = train(TRAININGS[name], early=False)
    assert losses == again
    different = [key for key, value in moved.items() if not torch.equal(value, found[key])]
    assert not different


def test_no_two_large_gradients_are_there_at_once(monkeypatch):
    held = []
    real = Stepper._step_in_backward

    def watched(self, update, total, out):
        for parameter in self._trained(update):
            parameter.register_post_accumulate_grad_hook(
                lambda _: held.append(sum(p.grad is not None for p in self.model.parameters()))
            )
        real(self, update, total, out)

    monkeypatch.setattr(Stepper, "_step_in_backward", watched)
    train(TRAININGS["pix2pix"], steps=1)
    assert len(held) > 10 and max(held) == 1


def test_the_blocks_are_recomputed(monkeypatch):
    import img2img.networks.checkpointing as checkpointing

    calls = []
    real = checkpointing.checkpoint
    monkeypatch.setattr(
        checkpointing, "checkpoint", lambda *a, **k: calls.append(a) or real(*a, **k)
    )
    train(HD, steps=1)
    assert not calls
    train({**HD, "training.activation_checkpointing": True}, steps=1)
    assert len(calls) > 20  # of the generator, the discriminator and the VGG
