"""The losses of both players, from outputs made by hand, against the papers' formulas."""

import math

import pytest
import torch
import torch.nn.functional as F
from gan_runs import built, drawn
from torch import nn
from torch.testing import assert_close

from img2img.losses.divergences import DIVERGENCES
from img2img.losses.generative import LABELLED

SIDE = 8
REAL = torch.tensor([-1.5, 0.25, 0.75, 2.0])
FAKE = torch.tensor([-0.5, 1.25, -2.0, 0.5])
CLASSES = torch.tensor([2, 0, 1, 1])


class ReadsPixels(nn.Module):
    """A discriminator whose outputs stand in the first pixels of a picture."""

    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, picture, *told):
        return picture.flatten(1)[:, : self.outputs]


def saying(*columns):
    """Pictures of which `ReadsPixels` says these columns (N,)."""
    values = torch.stack(columns, dim=1)
    return F.pad(values, (0, SIDE**2 - values.shape[1])).view(-1, 1, SIDE, SIDE)


def log_d(v):
    return torch.log(1 / (1 + torch.exp(-v)))


def log_not_d(v):
    return torch.log(1 - 1 / (1 + torch.exp(-v)))


# Minimised by D on real and on generated pictures, and by G. Goodfellow et al. 2014, Eq. 1, and
# Goodfellow 2016, Sec. 3.2; Mao et al. 2017, Eq. 9; Arjovsky et al. 2017, Eq. 2; Nowozin et al. 2016,
# -g_f(v) and f*(g_f(v)) of Tables 1 and 2, and -g_f(v) (Sec. 3.2).
OBJECTIVES = {
    "minimax": (lambda v: -log_d(v), lambda v: -log_not_d(v), log_not_d),
    "non_saturating": (lambda v: -log_d(v), lambda v: -log_not_d(v), lambda v: -log_d(v)),
    "max_likelihood": (lambda v: -log_d(v), lambda v: -log_not_d(v), lambda v: -torch.exp(v)),
    "lsgan": (lambda v: (v - 1) ** 2, lambda v: v**2, lambda v: (v - 1) ** 2),
    "wasserstein": (lambda v: -v, lambda v: v, lambda v: -v),
    "kl": (lambda v: -v, lambda v: torch.exp(v - 1), lambda v: -v),
    "reverse_kl": (lambda v: torch.exp(-v), lambda v: v - 1, lambda v: torch.exp(-v)),
    "jensen_shannon": (
        lambda v: -math.log(2) + torch.log(1 + torch.exp(-v)),
        lambda v: -torch.log(2 - 2 / (1 + torch.exp(-v))),
        lambda v: -math.log(2) + torch.log(1 + torch.exp(-v)),
    ),
    "squared_hellinger": (
        lambda v: torch.exp(-v) - 1,
        lambda v: (1 - torch.exp(-v)) / torch.exp(-v),
        lambda v: torch.exp(-v) - 1,
    ),
    "pearson": (lambda v: -v, lambda v: v**2 / 4 + v, lambda v: -v),
}


def players(name, **options):
    """A model that judges by pixels, a batch and what it generated: every column a verdict."""
    model = built(name, SIDE, **options)
    given = model.latents.given if name in ("acgan", "infogan") else 0
    model.discriminator = ReadsPixels(1 + given)
    others = [torch.linspace(-1, 1, 4) * (i + 1) for i in range(given)]
    out = drawn(
        saying(FAKE, *others),
        category=torch.tensor([1, 0, 2, 2]),
        codes=torch.tensor([[0.5, -0.5]] * 4),
        **{"class": CLASSES},
    )
    return model, {"target": saying(REAL, *others), "class": CLASSES}, out


def test_every_game_has_its_formula():
    assert list(OBJECTIVES) == [*LABELLED, "wasserstein", *DIVERGENCES]


@pytest.mark.parametrize("name", ["gan", "cgan", "acgan", "infogan"])
@pytest.mark.parametrize("kind", OBJECTIVES)
def test_the_adversarial_loss_is_the_one_that_is_set(kind, name):
    on_real, on_fake, generated = OBJECTIVES[kind]
    model, batch, out = players(name, adversarial=kind)
    found = model.losses("d", batch, out)
    assert_close(found["real"], on_real(REAL).mean())
    assert_close(found["fake"], on_fake(FAKE).mean())
    assert_close(model.losses("g", batch, out)["adv"], generated(FAKE).mean())
    if name != "gan":
        return
    assert_close(model.weigh("d", found), on_real(REAL).mean() + on_fake(FAKE).mean())
    assert_close(model.weigh("g", model.losses("g", batch, out)), generated(FAKE).mean())


@pytest.mark.parametrize("name", ["gan", "acgan", "infogan"])
@pytest.mark.parametrize("kind", LABELLED)
def test_the_label_of_real_pictures_is_smoothed_alone(kind, name):
    """Salimans et al. 2016, Sec. 3.4: 0.8 for real pictures, 0 for generated ones, 1 for G."""
    model, batch, out = players(name, adversarial=kind, real_label=0.8)
    smooth = -(0.8 * log_d(REAL) + 0.2 * log_not_d(REAL))
    if kind == "lsgan":
        smooth = (REAL - 0.8) ** 2
    found = model.losses("d", batch, out)
    assert_close(found["real"], smooth.mean())
    assert_close(found["fake"], OBJECTIVES[kind][1](FAKE).mean())
    assert_close(model.losses("g", batch, out)["adv"], OBJECTIVES[kind][2](FAKE).mean())


def test_smoothed_labels_reach_the_semi_supervised_gan():
    model = built("semi_supervised", SIDE, real_label=0.8)
    model.judge = lambda picture, batch: (picture.flatten(1)[:, :3], picture)
    of_zero = torch.full((4,), -1e3)  # two classes without any share
    batch = {"target": saying(REAL, of_zero, of_zero), "class": CLASSES}
    batch["labelled"] = batch["target"]
    found = model.losses("d", batch, drawn(saying(FAKE, of_zero, of_zero)))
    assert_close(found["real"], -(0.8 * log_d(REAL) + 0.2 * log_not_d(REAL)).mean())
    assert_close(found["fake"], -log_not_d(FAKE).mean())


def informed():
    """InfoGAN of a code of three values and two continuous ones; logits and means of Q by hand."""
    model = built("infogan", SIDE, categories=3, codes=2)
    model.discriminator = ReadsPixels(6)
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.25, 0.0], [0.0, 3.0, 1.0], [-1.0, 0.0, 1.0]])
    means = torch.tensor([[0.5, -0.5], [1.0, 0.0], [-0.25, 0.75], [0.0, -1.0]])
    codes = torch.tensor([[0.25, -0.5], [0.0, 0.5], [-1.0, 1.0], [0.75, -0.25]])
    fake = saying(FAKE, *logits.T, *means.T)
    out = drawn(fake, category=torch.tensor([0, 2, 1, 2]), codes=codes)
    return model, logits, means, out


@pytest.mark.parametrize("update", ["d", "g"])
def test_both_players_of_infogan_maximise_the_information_on_the_codes(update):
    """Chen et al. 2016, Eq. 5 and 6: minus E[log Q(c | x)] + H(c), Q's Gaussian of variance 1."""
    model, logits, means, out = informed()
    # What Q says of real pictures counts nowhere.
    batch = {"target": saying(REAL, *torch.full((5, 4), 7.0))}
    found = model.losses(update, batch, out)
    shares = logits.exp() / logits.exp().sum(1, keepdim=True)
    of_category = shares[range(4), out.latents["category"]].log().mean() + math.log(3)
    density = (-((means - out.latents["codes"]) ** 2) / 2).exp() / math.sqrt(2 * math.pi)
    of_codes = density.log().sum(1).mean() + 2 * math.log(2)
    assert_close(found["category"], -of_category)
    assert_close(found["codes"], -of_codes)
    adversarial = sum(found[name] for name in (("adv",) if update == "g" else ("real", "fake")))
    assert_close(model.weigh(update, found), adversarial - of_category - of_codes)


def test_q_finds_the_category_in_its_own_columns():
    model, logits, means, _ = informed()
    pictures = saying(torch.full((4,), 9.0), *logits.T, *(means.T + 20))
    assert model.categories(pictures).tolist() == [0, 0, 1, 2]


def test_q_has_a_head_of_its_own():
    """Chen et al. 2016, Appendix C.1: Q's last layers are not D's."""
    discriminator = built("infogan", SIDE, categories=3, codes=2).discriminator
    picture = torch.rand(4, 1, SIDE, SIDE)
    found = discriminator.down(picture)
    assert discriminator.judge(found).flatten(1).shape == (4, 1)
    assert_close(discriminator(picture)[:, 1:], discriminator.recognise(found).flatten(1))
    assert discriminator.recognise[-1].out_channels == 5


def test_acgan_s_generator_is_to_be_named_as_it_was_asked():
    """Odena et al. 2017, Eq. 3: it maximises the log-likelihood of its pictures' own classes."""
    model, batch, out = players("acgan")
    logits = torch.tensor([[1.0, 0.0, -1.0], [0.0, 2.0, 1.0], [0.5, 0.5, 0.0], [3.0, 1.0, 0.0]])
    out.fake, asked = saying(FAKE, *logits.T), torch.tensor([0, 1, 2, 0])
    out.latents["class"] = asked  # not those of the real pictures
    shares = logits.exp() / logits.exp().sum(1, keepdim=True)
    found = model.losses("g", batch, out)
    assert sorted(found) == ["adv", "label"]
    assert_close(found["label"], -shares[range(4), asked].log().mean())
    assert_close(model.weigh("g", found), found["adv"] + found["label"])


def test_cgan_draws_the_classes_of_the_batch():
    torch.manual_seed(0)
    model = built("cgan", SIDE)
    out = model.generate({"target": torch.zeros(4, 1, SIDE, SIDE), "class": CLASSES})
    assert torch.equal(out.latents["class"], CLASSES)
    asked = model.generator(out.latents["z"], F.one_hot(CLASSES, 3).float())
    assert_close(out.fake, asked)
    others = model.translate({"z": out.latents["z"], "class": (CLASSES + 1) % 3})
    assert not torch.allclose(others, asked)


def test_cgan_s_discriminator_judges_the_picture_as_one_of_its_class():
    torch.manual_seed(0)
    model = built("cgan", SIDE).eval()
    pictures = torch.rand(4, 1, SIDE, SIDE) * 2 - 1
    batch = {"target": pictures, "class": CLASSES}
    told = model.discriminator(pictures, F.one_hot(CLASSES, 3).float())
    assert_close(model.judge(pictures, batch), told)
    out = drawn(pictures.flip(0), **{"class": CLASSES})
    as_told = model.losses("d", batch, out) | model.losses("g", batch, out)
    batch["class"] = (CLASSES + 1) % 3
    otherwise = model.losses("d", batch, out) | model.losses("g", batch, out)
    for name in ("real", "fake", "adv"):
        assert abs((as_told[name] - otherwise[name]).item()) > 1e-6, name


def test_a_term_of_weight_0_spoils_nothing():
    """Beyond a logit of 88 the loss of maximum likelihood is infinite, and 0 times that is not 0."""
    model = built("semi_supervised", 16, adversarial="max_likelihood")
    torch.nn.init.constant_(model.discriminator.judge.bias, 100.0)
    batch = {"target": torch.rand(3, 1, 16, 16), "class": torch.tensor([0, 1, 2])}
    out = model.generate(batch)
    terms = model.losses("g", batch, out)
    assert float(terms["adv"].detach()) == -math.inf  # it is logged all the same
    total = model.weigh("g", terms)
    assert_close(total, terms["features"])
    weights = list(model.generator.parameters())
    gradients = torch.autograd.grad(total, weights)
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.any() for gradient in gradients)


def test_an_update_whose_weights_are_all_0_has_gradients_of_0():
    weights = {"weights.real": 0, "weights.fake": 0}
    model, batch, out = players("gan", **weights)
    out.fake.requires_grad_()
    total = model.weigh("d", model.losses("d", batch, out))
    (gradient,) = torch.autograd.grad(total, out.fake)
    assert float(total.detach()) == 0 and not gradient.any()
