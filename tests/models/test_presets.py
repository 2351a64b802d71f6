"""What a model's name brings: the papers' numbers, and DCGAN's networks."""

import math

import pytest
import torch
from gan_runs import built, drawn
from torch import nn

from img2img.config import load_config
from img2img.models import MODELS, OPTIONS

# optimizer, lr, d_lr, beta1, beta2, batch
DCGAN = ("adam", 2e-4, 2e-4, 0.5, 0.999, 128)  # Radford et al. 2016, Sec. 4
PENALISED = ("adam", 1e-4, 1e-4, 0.0, 0.9, 64)  # Gulrajani et al. 2017, Algorithm 1; WGAN's batch
TRAININGS = {
    # The batch of Goodfellow et al.'s published experiment (mnist.yaml).
    # Goodfellow et al. 2014: mnist.yaml of github.com/goodfeli/adversarial, but for D's rate.
    "gan": ("sgd", 0.1, 0.02, 0.5, 0.999, 100),
    "dcgan": DCGAN,
    "cgan": DCGAN,
    "acgan": DCGAN,
    # Chen et al. 2016, Appendix C: 1e-3 for G, 2e-4 for D.
    "infogan": ("adam", 1e-3, 2e-4, 0.5, 0.999, 128),
    "lsgan": DCGAN,
    # Arjovsky et al. 2017, Algorithm 1; 0.99 is the decay of PyTorch's RMSprop.
    "wgan": ("rmsprop", 5e-5, 5e-5, 0.5, 0.99, 64),
    "wgan_gp": PENALISED,
    "wgan_div": PENALISED,
    "fgan": DCGAN,
    # Berthelot et al. 2017, Sec. 4.1.
    "began": ("adam", 1e-4, 1e-4, 0.5, 0.999, 16),
    # Salimans et al. 2016: train_cifar_feature_matching.py of github.com/openai/improved-gan.
    "semi_supervised": ("adam", 3e-4, 3e-4, 0.5, 0.999, 100),
}
# adversarial, clip, critic_steps, penalty, its weight, d_norm; None: has no such setting, or no use.
PLAIN = ("non_saturating", 0, 1, "none", None, "batch")
OBJECTIVES = {
    "gan": ("non_saturating", 0, 1, "none", None, None),
    "dcgan": PLAIN,
    "cgan": PLAIN,
    "acgan": PLAIN,
    "infogan": PLAIN,
    "lsgan": ("lsgan", 0, 1, "none", None, "batch"),
    "wgan": ("wasserstein", 0.01, 5, "none", None, "batch"),  # c and n_critic
    "wgan_gp": ("wasserstein", 0, 5, "gradient", 10, "none"),  # lambda
    "wgan_div": ("wasserstein", 0, 5, "divergence", 2, "none"),  # Wu et al. 2018: k
    "fgan": ("jensen_shannon", 0, 1, "none", None, "batch"),
    "semi_supervised": ("non_saturating", 0, 1, "none", None, "none"),
}
# What one model alone has, z, and the weights that are not 1.
OWN = {
    "gan": {"latent": 100, "noise": "uniform", "width": 1200, "d_width": 240, "d_dropout": True},
    "dcgan": {"latent": 100, "noise": "uniform", "norm": "batch", "width": 128, "up": "transposed"},
    "infogan": {"latent": 62, "categories": 10, "codes": 2},  # Appendix C.1
    "began": {"latent": 64, "noise": "uniform", "gamma": 0.5, "k_rate": 0.001},
    "semi_supervised": {"labelled_per_class": 10},  # 100 labels of MNIST
}
NOT_1 = {"semi_supervised": {"adv": 0}}
GANS = [name for name, model in MODELS.items() if model.task == "generative"]


def config_of(name):
    return load_config(OPTIONS, overrides={"model": name})


def test_every_model_without_pairs_is_in_the_tables():
    assert list(TRAININGS) == GANS
    assert [*OBJECTIVES, "began"] == [*GANS[:-2], "semi_supervised", "began"]


@pytest.mark.parametrize("name", TRAININGS)
def test_trainings_are_the_papers(name):
    training = config_of(name).training
    rates = training.learning_rate("generator"), training.learning_rate("discriminator")
    betas = training.beta1, training.beta2
    assert (training.optimizer, *rates, *betas, training.batch_size) == TRAININGS[name]
    assert name != "gan" or training.momentum == 0.5
    assert training.epochs > 0 and training.decay_epochs == 0 and training.ema == 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_are_the_papers(name):
    options = config_of(name).model
    penalised = options.penalty != "none"
    assert OBJECTIVES[name] == (
        options.adversarial,
        options.clip,
        options.critic_steps,
        options.penalty,
        options.weights.penalty if penalised else None,
        getattr(options, "d_norm", None),
    )
    assert options.real_label == 1


@pytest.mark.parametrize("name", GANS)
def test_the_rest_is_the_papers_and_no_aid_is_on(name):
    options = config_of(name).model
    own = OWN.get(name, {})
    assert {key: getattr(options, key) for key in own} == own
    weights = options.weights.model_dump()
    weights.pop("penalty", None)  # see OBJECTIVES
    assert weights == dict.fromkeys(weights, 1) | NOT_1.get(name, {})
    assert not any(options.regularizers.model_dump().values())


@pytest.mark.parametrize("name, value", [("wgan_gp", (3 - 1) ** 2), ("wgan_div", 3**6)])
def test_the_penalty_that_a_name_brings(name, value):
    """Of a critic whose gradient has norm 3 everywhere: (3 - 1)^2, or 3^p with p = 6."""
    model = built(name, 8)
    picture = torch.rand(4, 1, 8, 8)
    model.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    nn.init.constant_(model.discriminator[1].weight, 3 / 8)
    found = model.losses("d", {"target": picture}, drawn(picture.flip(0)))
    assert float(found["penalty"].detach()) == pytest.approx(value, rel=1e-5)
    weight = OBJECTIVES[name][4]
    total = found["real"] + found["fake"] + weight * value
    torch.testing.assert_close(model.weigh("d", found), total)


def test_the_generator_s_steps_wait_for_the_critic_s():
    for name, (_, _, critic_steps, *_) in OBJECTIVES.items():
        every = {update.name: update.every for update in built(name, 8).updates}
        assert every == {"d": 1, "g": critic_steps}, name


@pytest.fixture(scope="module")
def dcgan():
    torch.manual_seed(0)
    return built("dcgan", 32, width=32, d_width=32)


def test_dcgan_s_weights_are_drawn_with_deviation_0_02(dcgan):
    """Radford et al. 2016, Sec. 4; scales of batch norm around 1, as in the published code."""
    drawn = {
        name: (layer, 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0)
        for name, layer in dcgan.named_modules()
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d)
    }
    assert len(drawn) == 4 + 4 + 5  # G's and D's layers, and their norms
    for name, (layer, mean) in drawn.items():
        weight, count = layer.weight.detach(), layer.weight.numel()
        # Four standard errors; of a norm there are few numbers.
        assert float(weight.std()) == pytest.approx(0.02, rel=4 / math.sqrt(2 * count)), name
        assert float(weight.mean()) == pytest.approx(mean, abs=4 * 0.02 / math.sqrt(count)), name
        assert layer.bias is None or not layer.bias.any(), name


def test_dcgan_has_batch_norm_but_in_g_s_last_and_d_s_first_layer(dcgan):
    """Radford et al. 2016, Sec. 3, with ReLU and tanh in G, LeakyReLU of slope 0.2 in D."""
    norms = [n for n, layer in dcgan.named_modules() if isinstance(layer, nn.BatchNorm2d)]
    assert norms == [
        "generator.start.0",  # of the projected z
        "generator.up.0.norm",
        "generator.up.1.norm",
        "discriminator.down.1.norm",
        "discriminator.down.2.norm",
    ]
    assert len(dcgan.generator.up) == len(dcgan.discriminator.down) == 3
    activations = [type(block.activation) for block in dcgan.generator.up]
    assert activations == [nn.ReLU, nn.ReLU, nn.Tanh]
    assert [block.activation.negative_slope for block in dcgan.discriminator.down] == [0.2] * 3
    names = [n for n, _ in dcgan.discriminator.named_modules() if n.startswith("judge")]
    assert names == ["judge"] and isinstance(dcgan.discriminator.judge, nn.Conv2d)
