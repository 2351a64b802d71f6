"""Regularizers in every GAN, through the real command line on tiny pictures."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gan_runs import checkpoint, drawn, grey_squares, lines, train, write_digits
from PIL import Image

from img2img.cli import main
from img2img.config import load_config, parse_overrides
from img2img.distributed.engine import make_accelerator
from img2img.errors import ConfigError
from img2img.models import MODELS, OPTIONS, build_model
from img2img.networks import compiling
from img2img.networks.checkpointing import recompute_activations
from img2img.networks.reference import Referenced
from img2img.tasks import find_data
from img2img.training.fitting import Budget, fit_into
from img2img.training.state import TrainingState
from img2img.training.stepper import Stepper

GANS = [name for name, model in MODELS.items() if model.task == "generative"]
CONVOLUTIONAL = [name for name in GANS if name not in ("gan", "began")]
FP16 = SimpleNamespace(scaler=object())
SIDE = 16
TINY = [
    *("--data", "digits.csv", "--device", "cpu"),
    *("model.width=4", "model.d_width=4", "training.batch_size=4", "training.workers=0"),
    *("training.log_every=1", "training.steps=6", "data.flip=false", "training.samples=1"),
]
NOISE = ["model.regularizers.instance_noise=0.2", "model.regularizers.instance_noise_steps=4"]
UNROLLED = ["model.regularizers.unrolled=2"]
MINIBATCH = ["model.regularizers.minibatch_discrimination=true"]
VIRTUAL = ["model.norm=virtual", "model.d_norm=virtual", "model.references=3"]
REFERENCE = ["model.norm=reference", "model.d_norm=reference", "model.references=12"]


def all_aids(name):
    """Everything at once that the model can be combined with."""
    regularizers = [*NOISE, *UNROLLED]
    if name == "semi_supervised":
        regularizers.append("model.labelled_per_class=2")  # of three or four
    if name in CONVOLUTIONAL:
        regularizers += VIRTUAL
    return regularizers if name in ("began", "wgan_gp", "wgan_div") else [*regularizers, *MINIBATCH]


@pytest.fixture(autouse=True)
def digits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_digits(SIDE)


def built(name, *settings):
    overrides = {"model": name, "model.width": 4, "model.d_width": 4, "training.device": "cpu"}
    overrides |= dict(setting.split("=") for setting in settings)
    config = load_config(OPTIONS, overrides=overrides)
    torch.manual_seed(0)
    return config, build_model(config, grey_squares(SIDE)).train()


def batch(count=5):
    return {
        "target": torch.rand(count, 1, SIDE, SIDE) * 2 - 1,
        "class": torch.arange(count) % 3,
    }


def stepper_of(config, model):
    engine = make_accelerator("cpu", "fp32")
    return Stepper(TrainingState(config, model, engine, pairs=1, criterion=""), engine)


@pytest.mark.slow
@pytest.mark.parametrize("name", GANS)
def test_all_at_once_resume_exactly_and_generate(name):
    settings = [*all_aids(name), *TINY]
    assert train("--model", name, "--run", "whole", "--max-steps", "3", *settings) == 0
    assert train("--model", name, "--run", "parts", "--max-steps", "2", *settings) == 0
    assert train("--resume", "parts", "--max-steps", "3") == 0
    whole, parts = checkpoint("whole", 3), checkpoint("parts", 3)
    assert whole.keys() == parts.keys()
    assert not [key for key in whole if not torch.equal(whole[key], parts[key])]
    assert int(whole["model/noise/step"]) == 3
    for line in lines("whole"):
        assert all(np.isfinite(value) for value in line.values())
    assert main(["generate", "--run", "parts", "-n", "2", "--grid", "grid.png"]) == 0
    assert len(np.unique(np.array(Image.open("grid.png")))) > 1


@pytest.mark.parametrize(
    "regularizer", [NOISE, UNROLLED, MINIBATCH, REFERENCE, VIRTUAL], ids=lambda a: a[0]
)
def test_each_is_trained_and_forecast_alone(regularizer, capsys):
    assert train("--model", "dcgan", "--run", "alone", "--max-steps", "2", *regularizer, *TINY) == 0
    assert all(np.isfinite(value) for line in lines("alone") for value in line.values())
    assert train("--model", "dcgan", "--run", "dry", "--dry-run", *regularizer, *TINY) == 0
    out = capsys.readouterr().out
    assert "a forecast for the peak" in out and "could not be forecast" not in out


def test_noise_is_on_all_that_the_discriminator_sees_in_training_alone():
    _, model = built("dcgan", "model.regularizers.instance_noise=0.5")
    seen = []
    model.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    data = batch(200)
    data["target"].zero_()
    out = drawn(torch.zeros_like(data["target"]))
    model.losses("d", data, out)
    model.losses("g", data, out)
    assert len(seen) == 3  # real, generated, and generated for the generator
    assert all(float(picture.std()) == pytest.approx(0.5, rel=0.05) for picture in seen)
    model.eval().losses("d", data, out)
    assert torch.equal(seen[-1], data["target"])


def test_noise_falls_with_the_discriminator_s_steps():
    config, model = built("lsgan", *NOISE)
    stepper = stepper_of(config, model)
    for expected in (0.2, 0.15, 0.1, 0.05, 0.0, 0.0):
        assert float(model.noise.deviation()) == pytest.approx(expected)
        stepper.step([batch()])


def test_another_run_s_weights_come_without_how_far_its_noise_had_fallen():
    _, former = built("lsgan", *NOISE)
    former.noise.step.fill_(4)
    _, model = built("lsgan", *NOISE)
    states = {name: network.state_dict() for name, network in former.networks().items()}
    assert sorted(model.adopt(states)) == ["discriminator", "generator"]
    assert float(model.noise.deviation()) == pytest.approx(0.2)


def test_began_is_balanced_by_the_discriminator_of_now_not_of_later():
    config, model = built("began", "model.regularizers.unrolled=5")
    seen, first = {}, copy.deepcopy(model.discriminator).eval()
    model.after = lambda update, out: seen.setdefault(update, replace(out))
    stepper_of(config, model).step([batch()])
    fake = seen["g"].fake
    expected = (fake - first(fake)).abs().mean().detach()
    torch.testing.assert_close(seen["g"].on_fake, expected)


def test_a_reference_batch_is_of_the_training_pictures_and_stays():
    assert train("--model", "cgan", "--run", "r", "--max-steps", "2", *REFERENCE, *TINY) == 0
    assert train("--resume", "r", "--max-steps", "4") == 0
    first, last = checkpoint("r", 2), checkpoint("r", 4)
    names = [key for key in last if "/reference_" in key]
    assert sorted(names) == [
        f"model/{net}/reference_{i}" for net in ("discriminator", "generator") for i in (0, 1)
    ]
    assert all(torch.equal(first[key], last[key]) for key in names)
    rows = np.loadtxt("digits.csv", delimiter=",")
    known = {tuple(row[:-1]): int(row[-1]) for row in rows}
    pictures, classes = (last[f"model/discriminator/reference_{i}"] for i in (0, 1))
    stored = ((pictures + 1) * 127.5).round().flatten(1).tolist()
    assert [known[tuple(row)] for row in stored] == classes.argmax(1).tolist()
    assert len({tuple(row) for row in stored}) == 10 and len(stored) == 12  # all, and two again
    assert last["model/generator/reference_0"].shape == (12, 100)


@pytest.mark.parametrize("virtual", ["reference", "virtual"])
def test_pictures_are_drawn_and_judged_whatever_their_company(virtual):
    _, model = built("acgan", f"model.norm={virtual}", f"model.d_norm={virtual}")
    assert isinstance(model.generator, Referenced) and model.references == 64
    model.keep_reference(batch(64))
    latents = model.latents.draw(4)
    one = {name: value[:1] for name, value in latents.items()}
    torch.testing.assert_close(model.translate(latents)[:1], model.translate(one))
    pictures = batch()["target"]
    together, alone = model.judge(pictures, {}), model.judge(pictures[:1], {})
    torch.testing.assert_close(together[:1], alone)
    assert not torch.allclose(built("acgan")[1].judge(pictures, {})[:1], together[:1])


@pytest.mark.parametrize("name", ["gan", "dcgan"])
def test_minibatch_discrimination_sees_the_company(name):
    _, model = built(name, *MINIBATCH, "model.d_norm=none" if name == "dcgan" else "model.clip=0")
    model.eval()  # no dropout
    pictures, others = batch()["target"], batch()["target"]
    changed = torch.cat([pictures[:1], others[1:]])
    assert not torch.equal(model.judge(pictures, {})[0], model.judge(changed, {})[0])
    _, plain = built(name, "model.d_norm=none" if name == "dcgan" else "model.clip=0")
    plain.eval()
    torch.testing.assert_close(plain.judge(pictures, {})[0], plain.judge(changed, {})[0])


@pytest.fixture
def float64(monkeypatch):
    """Differences need the digits, in losses too."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def train_discriminator(model, stepper, data, out, *, steps):
    optimizer = stepper.state.optimizers["d"]
    for _ in range(steps):
        total = model.weigh("d", model.losses("d", data, replace(out)))
        total.backward(inputs=list(model.discriminator.parameters()), retain_graph=True)
        optimizer.step()
        optimizer.zero_grad()


def gradient_of(model, stepper, data, z):
    """What the stepper would hand the generator's optimizer."""
    fake = model.translate({"z": z, "class": data["class"]})
    out = drawn(fake, z=z, **{"class": data["class"]})
    update = model.updates[1]
    total = stepper._loss(update, data, out)
    return torch.autograd.grad(total, list(model.generator.parameters()))


@pytest.mark.parametrize("name", ["dcgan", "acgan", "wgan", "wgan_gp"])
def test_the_unrolled_gradient_is_that_through_the_discriminator_s_steps(name, float64):
    """Against numbers: the generator's loss after k real steps of a copied D on moved pictures."""
    steps, data, plain_norms = 3, batch(), ("model.norm=none", "model.d_norm=none")
    config, model = built(name, f"model.regularizers.unrolled={steps}", *plain_norms)
    stepper = stepper_of(config, model)
    train_discriminator(model, stepper, data, model.generate(data), steps=2)  # has a memory by then
    z = torch.rand(5, 100) * 2 - 1
    found = gradient_of(model, stepper, data, z)
    weight = model.generator.project.weight
    place = tuple(torch.unravel_index(found[0].abs().argmax(), weight.shape))

    def loss_after(shift):
        other, engine = copy.deepcopy((model, stepper.state.optimizers["d"].state_dict()))
        with torch.no_grad():
            other.generator.project.weight[place] += shift
        fake = other.translate({"z": z, "class": data["class"]})
        out = drawn(fake.detach(), z=z, **{"class": data["class"]})
        own = stepper_of(config, other)
        own.state.optimizers["d"].load_state_dict(engine)
        torch.manual_seed(1)
        train_discriminator(other, own, data, out, steps=steps)
        return float(other.weigh("g", other.losses("g", data, out)).detach())

    torch.manual_seed(1)
    (found, *_) = gradient_of(model, stepper, data, z)
    numeric = (loss_after(1e-4) - loss_after(-1e-4)) / 2e-4
    assert float(found[place]) == pytest.approx(numeric, rel=1e-3)
    object.__setattr__(model.updates[1], "ahead", None)
    (plain, *_) = gradient_of(model, stepper, data, z)
    assert abs(float(plain[place]) - numeric) > 0.01 * abs(numeric)


def test_steps_ahead_leave_the_running_statistics():
    config, model = built("dcgan", "model.regularizers.unrolled=3")
    stepper_of(config, model).step([batch()])
    norms = [m for m in model.discriminator.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    # Its own update's real and generated pictures; not those of the steps ahead.
    assert [int(norm.num_batches_tracked) for norm in norms] == [2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [["--model", "wgan_gp"], ["--model", "dcgan", *UNROLLED]], ids=["wgan_gp", "dcgan"]
)
def test_what_is_differentiated_twice_is_not_compiled(settings, monkeypatch, capsys):
    monkeypatch.setattr(compiling, "BACKEND", "aot_eager")
    compiled = [*settings, "training.compile=true", *TINY]
    assert train("--run", "compiled", "--max-steps", "2", *compiled) == 0
    assert "takes a while, but for discriminator" in capsys.readouterr().out
    torch._dynamo.reset()


def test_recomputed_blocks_take_the_weights_that_they_were_lent():
    gradients = []
    for recompute in (False, True):
        config, model = built("dcgan", *UNROLLED)
        if recompute:
            recompute_activations(model)
        torch.manual_seed(1)
        data = batch()
        gradients.append(gradient_of(model, stepper_of(config, model), data, torch.randn(5, 100)))
    for stored, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(stored, recomputed)


@pytest.mark.slow
def test_one_picture_has_no_company(capsys):
    assert train("--model", "dcgan", "--run", "d", *TINY, *MINIBATCH, "training.batch_size=1") == 2
    assert "set training.batch_size to 2 or more" in capsys.readouterr().err
    config = load_config(OPTIONS, overrides=parse_overrides(["model=dcgan", *TINY[4:], *MINIBATCH]))
    config = config.model_copy(
        update={"data": config.data.model_copy(update={"path": "digits.csv"})}
    )
    least = "with training.batch_size=2 training.accumulation=2 training.activation_checkpointing=true still"
    with pytest.raises(ConfigError, match=least):
        fit_into(Budget(1, "the test"), config, find_data(config), make_accelerator("cpu", "fp32"))


def test_what_cannot_be_combined():
    with pytest.raises(ConfigError, match="minibatch discrimination mixes with the others'"):
        built("wgan_gp", *MINIBATCH)
    with pytest.raises(ConfigError, match="began's discriminator rebuilds pictures"):
        built("began", *MINIBATCH)
    with pytest.raises(ConfigError, match="instance_noise_steps without instance_noise"):
        built("gan", "model.regularizers.instance_noise_steps=5")
    with pytest.raises(ConfigError, match=r"model.d_norm: unknown key; it is a setting of"):
        built("gan", "model.d_norm=virtual")
    built("wgan_gp", "model.d_norm=virtual", "model.references=3")
    with pytest.raises(ConfigError, match=r"set training.precision=bf16 or fp32"):
        Stepper(SimpleNamespace(model=built("gan", *UNROLLED)[1], progress=None), FP16)
