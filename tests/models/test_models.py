"""What holds for every model: what it moves, that it learns, that every YAML trains it."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from accelerate import Accelerator

from img2img.config import load_config
from img2img.data.loader import PairDataset, collate
from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.errors import CheckpointError, ConfigError
from img2img.fields import Image, Instance, Label
from img2img.fields.image import ImageSpec
from img2img.models import MODELS, OPTIONS, build_model
from img2img.tasks import find_data
from img2img.training.trainer import Trainer

CONFIGS = sorted((Path(__file__).resolve().parents[2] / "configs").glob("*.yaml"))
SMALL = {
    "model.width": 4,
    "model.d_width": 4,
    "training.workers": 0,
    "training.device": "cpu",
    "data.scene_size": (32, 32),
    "data.scenes": 2,
    "data.val_scenes": 1,
}
VARIANTS = {
    "pix2pix": {"model": "pix2pix", "model.patch": 16},
    "pix2pix-pixel": {"model": "pix2pix", "model.patch": 1, "model.generator": "resnet"},
    "global": {"model": "pix2pixHD", "model.n_down": 2, "model.n_blocks": 1},
    "features": {
        "model": "pix2pixHD",
        "model.features": True,
        "model.e_width": 4,
        "model.e_down": 2,
        "model.n_down": 2,
        "model.n_blocks": 1,
    },
    "unet": {"model": "pix2pixHD", "model.generator": "unet", "model.depth": 4},
    "enhancer": {
        "model": "pix2pixHD",
        "model.generator": "enhancer",
        "model.n_down": 2,
        "model.n_blocks": 1,
        "model.n_blocks_enhancer": 1,
    },
    "enhancer-unet": {
        "model": "pix2pixHD",
        "model.generator": "enhancer",
        "model.coarse": "unet",
        "model.depth": 3,
        "model.n_blocks_enhancer": 1,
    },
}
NO_VGG = {"model.weights.perceptual": 0}


def options_of(variant):
    extra = NO_VGG if VARIANTS[variant]["model"] == "pix2pixHD" else {}
    return {**SMALL, **VARIANTS[variant], **extra}


def make_trainer(overrides, tmp_path, path=None):
    config = load_config(OPTIONS, path=path, overrides=overrides)
    torch.manual_seed(0)
    data = find_data(config)
    model = build_model(config, data.spec)
    train = PairDataset(data.train, JointTransform(config.data, data.spec, train=True))
    val = PairDataset(data.val, JointTransform(config.data, data.spec, train=False))
    return Trainer(config, model, train, val, tmp_path, Accelerator(cpu=True))


def batch_of(trainer, count=2):
    dataset = trainer.loader.dataset
    return collate([dataset[(i, i)] for i in range(count)])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_step_moves_each_declared_network_and_nothing_else(variant, tmp_path):
    trainer = make_trainer(options_of(variant), tmp_path)
    before = {k: v.clone() for k, v in trainer.model.state_dict().items()}
    batch = batch_of(trainer)
    for _ in range(2):
        trainer.stepper.step([batch])
        trainer.progress.step += 1
    declared = {f"{name}." for update in trainer.model.updates for name in update.nets}
    moved = {k for k, v in trainer.model.state_dict().items() if not torch.equal(v, before[k])}
    assert all(k.startswith(tuple(declared)) for k in moved)
    still = {k for k in before if k.startswith(tuple(declared)) and k.endswith("weight")} - moved
    assert not still


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["pix2pix", "global", "unet"])
def test_two_pictures_can_be_learned_by_heart(variant, tmp_path):
    wide = {"model.width": 16, "training.lr": 2e-3, "model.weights.l1": 100, "model.dropout": 0}
    if variant == "global":
        wide.pop("model.dropout")
    trainer = make_trainer({**options_of(variant), **wide, "data.flip": False}, tmp_path)
    batch = batch_of(trainer)
    trainer.stepper.step([batch])
    first = trainer.stepper.means.read()[0]["g/l1"]
    for number in range(150):
        trainer.stepper.step([batch])
        if number < 120:  # what follows is averaged: the discriminator makes single steps jump
            trainer.stepper.means.read()
    assert trainer.stepper.means.read()[0]["g/l1"] < 0.4 * first


def test_coarse_to_fine_keeps_one_optimizer(tmp_path):
    trainer = make_trainer({**options_of("enhancer"), "model.coarse_fixed_epochs": 1}, tmp_path)
    batch, optimizer = batch_of(trainer), trainer.state.optimizers["g"]
    coarse = {k: v.clone() for k, v in trainer.model.generator.coarse.state_dict().items()}
    stages = {k: v.clone() for k, v in trainer.model.generator.stages.state_dict().items()}
    trainer.stepper.step([batch])
    after = trainer.model.generator
    assert all(torch.equal(v, coarse[k]) for k, v in after.coarse.state_dict().items())
    assert not all(torch.equal(v, stages[k]) for k, v in after.stages.state_dict().items())
    trainer.progress.epoch = 1
    trainer.stepper.step([batch])
    assert trainer.state.optimizers["g"] is optimizer
    weights = [k for k in coarse if k.endswith("weight")]
    assert all(not torch.equal(after.coarse.state_dict()[k], coarse[k]) for k in weights)


def test_enhancer_starts_from_a_global_run(tmp_path):
    coarse = make_trainer({**options_of("global"), "model.width": 8}, tmp_path).model
    states = {name: network.state_dict() for name, network in coarse.networks().items()}
    enhancer = make_trainer(options_of("enhancer"), tmp_path).model
    assert enhancer.adopt(states) == ["generator.coarse"]
    for key, value in enhancer.generator.coarse.state_dict().items():
        assert torch.equal(value, states["generator"][key])
    other = make_trainer(options_of("global"), tmp_path).model
    with pytest.raises(CheckpointError, match="other shape"):
        other.adopt(states)


@pytest.mark.parametrize("name", ["pix2pix", "global", "unet", "enhancer"])
def test_a_run_with_other_classes_starts_with_all_that_fits(tmp_path, name):
    options = {**options_of(name), "model.boundary": False}
    former = make_trainer(options, tmp_path).model
    states = {key: network.state_dict() for key, network in former.networks().items()}
    model = make_trainer({**options, "model.boundary": True}, tmp_path).model  # one plane more
    before = {k: v.clone() for k, v in model.state_dict().items()}
    said = " ".join(model.adopt(states))
    assert "which stays new" in said
    fresh = []
    for network, state in states.items():
        for key, value in model.networks()[network].state_dict().items():
            if value.shape == state[key].shape:
                assert torch.equal(value, state[key])
            else:
                fresh.append(key)
                assert torch.equal(value, before[f"{network}.{key}"]) and f"{key} ([" in said
    assert 2 <= len(fresh) <= 5  # what meets the input: of generator and discriminators


@pytest.mark.parametrize("up", ["resize", "transposed"])
def test_enhancer_starts_from_a_unet_run(tmp_path, up):
    plain = {**options_of("unet"), "model.width": 8, "model.depth": 3, "model.up": up}
    coarse = make_trainer(plain, tmp_path).model
    states = {name: network.state_dict() for name, network in coarse.networks().items()}
    settings = {**options_of("enhancer-unet"), "model.up": up, "model.coarse_fixed_epochs": 1}
    trainer = make_trainer(settings, tmp_path)
    trainer.model.adopt(states)
    before = {k: v.clone() for k, v in trainer.model.generator.coarse.state_dict().items()}
    body = [k for k in before if not k.startswith("head.")]
    assert all(torch.equal(before[k], states["generator"][k]) for k in body)
    trainer.stepper.step([batch_of(trainer)])
    after = trainer.model.generator.coarse.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in body)
    head_moved = any(not torch.equal(after[k], before[k]) for k in before if k not in body)
    assert head_moved == (up == "transposed")  # what no plain U-Net brings is trained at once


def test_boundary_option_governs_instances_too():
    label = Label(name="label", part="label", classes=3)
    instance = Instance(name="instance", part="instance")
    for boundary in (True, False):
        overrides = {"model": "pix2pixHD", "model.width": 4, "model.boundary": boundary}
        config = load_config(OPTIONS, overrides=overrides)
        model = build_model(config, DataSpec(inputs=(label, instance)))
        assert model.condition.channels == 3 + boundary
        batch = {"label": torch.zeros(1, 1, 8, 8).long(), "instance": torch.ones(1, 1, 8, 8).long()}
        assert model.condition(batch).shape[1] == 3 + boundary


@pytest.mark.parametrize("num_D, least", [(1, 2), (2, 3), (3, 5)])
def test_smallest_pictures_of_pix2pixhd_train(tmp_path, num_D, least):
    settings = {**options_of("global"), "model.num_D": num_D, "data.crop": (least, least)}
    trainer = make_trainer(settings, tmp_path)
    trainer.stepper.step([batch_of(trainer)])
    with pytest.raises(ConfigError, match="num_D"):
        make_trainer({**settings, "data.crop": (least - 1, least)}, tmp_path)


def test_accumulation_equals_the_large_batch(tmp_path):
    settings = {**options_of("global"), "model.scales": "sum"}
    whole, parts = (make_trainer(settings, tmp_path) for _ in range(2))
    batch = batch_of(whole)
    whole.stepper.step([batch])
    parts.stepper.step([{k: v[i : i + 1] for k, v in batch.items()} for i in range(2)])
    for a, b in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        moment = whole.state.optimizers["g"].state.get(a)
        if moment:  # Adam's first step is the gradient's sign: compare the gradients themselves
            other = parts.state.optimizers["g"].state[b]
            torch.testing.assert_close(moment["exp_avg"], other["exp_avg"], rtol=1e-3, atol=1e-5)


def test_a_term_without_a_weight_is_named(tmp_path):
    trainer = make_trainer(options_of("pix2pix"), tmp_path)
    trainer.model.losses = lambda *_: {"style": torch.zeros((), requires_grad=True)}
    with pytest.raises(ConfigError, match="style"):
        trainer.stepper.step([batch_of(trainer)])


def test_discriminator_gets_no_gradient_from_the_generators_loss(tmp_path):
    trainer = make_trainer(options_of("pix2pix"), tmp_path)
    batch = batch_of(trainer)
    out = trainer.model.generate(batch)
    update = next(u for u in trainer.model.updates if u.name == "g")
    loss = trainer.stepper._loss(update, batch, out)
    trainer.stepper._backward(update, loss, keep_graph=False)
    assert all(p.grad is None for p in trainer.model.discriminator.parameters())
    assert all(p.grad is not None for p in trainer.model.generator.parameters())


def test_ignored_pixels_do_not_reach_l1(tmp_path):
    label = Label(name="label", part="label", classes=3, ignore_id=9)
    overrides = {**options_of("unet"), "data.ignore_id": 9}
    config = load_config(OPTIONS, overrides=overrides)
    model = build_model(config, DataSpec(inputs=(label,), size=(32, 32)))
    ids = torch.randint(0, 3, (1, 1, 32, 32))
    ids[..., :16] = 9
    target = torch.rand(1, 3, 32, 32) * 2 - 1
    batch = {"label": ids, "target": target}
    out = model.generate(batch)
    first = model.losses("g", batch, out)["l1"]
    spoiled = target.clone()
    spoiled[..., :16] = 1.0
    second = model.losses("g", {**batch, "target": spoiled}, out)["l1"]
    assert torch.equal(first, second)
    assert model.condition(batch)[:, :3, :, :16].abs().max() == 0


def test_too_small_pictures_are_refused():
    config = load_config(OPTIONS, overrides={"model": "pix2pix"})
    inputs = (Image(name="A", part="A", image=ImageSpec()),)
    with pytest.raises(ConfigError, match=r"model.patch=16"):
        build_model(config, DataSpec(inputs=inputs, smallest=(16, 90)))
    build_model(config, DataSpec(inputs=inputs, smallest=(24, 24)))


def test_perceptual_term_is_off_for_other_channels():
    config = load_config(OPTIONS, overrides={"model": "pix2pixHD"})
    inputs = (Image(name="A", part="A", image=ImageSpec()),)
    spec = DataSpec(inputs=inputs, target=ImageSpec(channels=5), size=(64, 64))
    config = load_config(OPTIONS, overrides={"model": "pix2pixHD", "model.width": 4})
    remark = build_model(config, spec).start_training()
    assert "5" in remark[0] and "off" in remark[0]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_loads_and_takes_a_step(path, tmp_path):
    config = load_config(OPTIONS, path=path)
    own = {"model.width": 4, "model.d_width": 4, "data.resize": None, "data.resize_width": None}
    own |= {"data.crop": None, "data.ignore_id": None}
    if config.model.name == "pix2pixHD":
        own |= NO_VGG | {"model.n_down": 2, "model.n_blocks": 1}
    elif config.model.name == "pix2pix":
        own |= {"model.depth": 5}
    else:
        own |= {"data.scenes": 20}
    trainer = make_trainer({**SMALL, **own}, tmp_path, path)
    trainer.stepper.step([batch_of(trainer, 1)])
    means, _ = trainer.stepper.means.read()
    assert all(torch.isfinite(torch.tensor(v)) for v in means.values()) and len(means) >= 3
    assert f"--config configs/{path.name}" in path.read_text(), "the header names its command"


def test_model_table_names_itself():
    names = {
        name: get_args(model.Options.model_fields["name"].annotation)
        for name, model in MODELS.items()
    }
    assert all(name in own for name, own in names.items())
    assert {name for own in names.values() for name in own} == set(MODELS)
    assert all(set(model.Options.presets) <= set(names[name]) for name, model in MODELS.items())
