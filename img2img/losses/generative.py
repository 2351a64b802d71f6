"""Adversarial losses of generative networks: from the critic's raw outputs to scalars to minimise.

Raw outputs are logits or scores of any shape, such as (N,); the losses are means over them, in
float32 whatever the networks' precision. LSGAN's stand without the factor 1/2 of the paper.
"""

from collections.abc import Callable
from typing import Literal, get_args

from torch import Tensor

from img2img.losses import adversarial
from img2img.losses.adversarial import Adversarial, cross_entropy, lsgan
from img2img.losses.divergences import DIVERGENCES, FDivergence

Labelled = Literal["minimax", "non_saturating", "max_likelihood", "lsgan"]
Kind = Literal[Labelled, "wasserstein", FDivergence]

# What the discriminator minimises; the objectives of 2014 differ in the generator alone.
_ON_LABELS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "minimax": cross_entropy,
    "non_saturating": cross_entropy,
    "max_likelihood": cross_entropy,
    "lsgan": lsgan,
}
LABELLED: tuple[Labelled, ...] = get_args(Labelled)


def discriminator_loss(
    on_real: Tensor, on_fake: Tensor, *, kind: Kind, real_label: float = 1.0
) -> dict[str, Tensor]:
    """The two halves of the discriminator's loss.

    - minimax, non_saturating, max_likelihood: -E[log D(x)] and -E[log(1 - D(G(z)))], with D the
      sigmoid of the logits (Goodfellow et al. 2014, Eq. 1).
    - lsgan: E[(D(x) - 1)^2] and E[D(G(z))^2] (twice Mao et al. 2017, Eq. 9, a = 0, b = 1).
    - wasserstein: -E[f(x)] and E[f(G(z))] (Arjovsky et al. 2017, Eq. 3); f must be kept Lipschitz.
    - f-divergences: -E[g_f(V(x))] and E[f*(g_f(V(G(z))))] (Nowozin et al. 2016, Eq. 6).

    Minus the sum of the halves is the estimate of how far the distributions are apart: the
    divergence or distance itself for the last two, 2 JS - log 4 for the first.

    Args:
        on_real, on_fake: raw outputs on real and on generated pictures. The latter keep their
            graph, which an unrolled generator needs: the step differentiates by D's weights alone.
        real_label: the label of real pictures; 0.9 is one-sided label smoothing (Salimans et al.
            2016, Sec. 3.4). For kinds in `LABELLED`.

    Returns:
        `real` and `fake`, scalars.

    Raises:
        ValueError: a label other than 1 where there are no labels.

    >>> import torch
    >>> terms = discriminator_loss(torch.ones(4, 1), torch.zeros(4, 1), kind="wasserstein")
    >>> float(sum(terms.values()))
    -1.0
    """
    on_real, on_fake = on_real.float(), on_fake.float()
    if kind in _ON_LABELS:
        loss = _ON_LABELS[kind]
        return {"real": loss(on_real, real_label), "fake": loss(on_fake, 0.0)}
    if real_label != 1:
        raise ValueError(f"{kind} has no labels to smooth; valid: {', '.join(LABELLED)}")
    if kind == "wasserstein":
        return {"real": -on_real.mean(), "fake": on_fake.mean()}
    divergence = DIVERGENCES[kind]
    return {
        "real": -divergence.activation(on_real).mean(),
        "fake": divergence.conjugate_of_raw(on_fake).mean(),
    }


def generator_loss(on_fake: Tensor, *, kind: Kind) -> Tensor:
    """What the generator minimises, a scalar.

    - minimax: E[log(1 - D(G(z)))] (Goodfellow 2016, "NIPS 2016 Tutorial", Sec. 3.2.2).
    - non_saturating: -E[log D(G(z))] (Sec. 3.2.3).
    - max_likelihood: -E[exp(l)], l the logit of D(G(z)) (Sec. 3.2.4). Few pictures with a large
      logit make up nearly all of it, and beyond a logit of 88 it is infinite.
    - lsgan: E[(D(G(z)) - 1)^2] (twice Mao et al. 2017, Eq. 9, c = 1).
    - wasserstein: -E[f(G(z))] (Arjovsky et al. 2017, Eq. 4).
    - f-divergences: -E[g_f(V(G(z)))] (Nowozin et al. 2016, Sec. 3.2), in place of the bound itself,
      -E[f*(g_f(V(G(z))))] (Eq. 6), which saturates.

    Args:
        on_fake: raw outputs on generated pictures.

    >>> import torch
    >>> float(generator_loss(torch.ones(4, 1), kind="wasserstein"))
    -1.0
    """
    on_fake = on_fake.float()
    if kind == "minimax":
        return -cross_entropy(on_fake, 0.0)
    if kind == "max_likelihood":
        return -on_fake.exp().mean()
    if kind in _ON_LABELS:
        return _ON_LABELS[kind](on_fake, 1.0)
    if kind == "wasserstein":
        return -on_fake.mean()
    return -DIVERGENCES[kind].activation(on_fake).mean()


def verdict(on_real: Tensor, on_fake: Tensor, *, kind: Kind) -> dict[str, Tensor]:
    """How a discriminator does, as scalars, real and fake weighing the same.

    Returns:
        For kinds in `LABELLED` what `adversarial.verdict` says: `accuracy` and `gain`. Otherwise
        `distance`, its estimate of the divergence or of the Wasserstein distance (in units of the
        critic's Lipschitz constant), and for f-divergences `accuracy`, by the sign of g_f(v) - f'(1).
    """
    if kind in _ON_LABELS:
        known: Adversarial = "lsgan" if kind == "lsgan" else "non_saturating"
        return adversarial.verdict([on_real], [on_fake], kind=known)
    terms = discriminator_loss(on_real, on_fake, kind=kind)
    found = {"distance": -(terms["real"] + terms["fake"])}
    if kind in DIVERGENCES:
        threshold = DIVERGENCES[kind].threshold
        right = (on_real > threshold).float().mean() + (on_fake <= threshold).float().mean()
        found["accuracy"] = right / 2
    return found
