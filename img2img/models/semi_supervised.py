"""Semi-supervised learning with GANs: Salimans et al. 2016, "Improved techniques for training GANs", Sec. 5.

The discriminator is a classifier of K classes and of one more, "generated", whose logit is 0. It
minimises L_supervised, -E[log p(y | x, y < K + 1)] of labelled pictures, and L_unsupervised,
-E[log D(x)] - E[log(1 - D(G(z)))] of pictures without a class, D(x) being 1 - p(K + 1 | x). The
generator matches the mean features of real pictures (Sec. 3.1), which the paper found best here.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from img2img.data.spec import DataSpec
from img2img.keys import CLASS, LABELLED, TARGET
from img2img.losses.classes import class_loss, mean_feature_loss, realness
from img2img.losses.generative import Labelled
from img2img.models import regularizers
from img2img.models.base import Batch, Terms
from img2img.models.convolutional import AnyNorm, ConvolutionalOptions, build_networks
from img2img.models.dcgan import DCGAN_TRAINING
from img2img.models.gan_base import Drawn, GANBase
from img2img.models.latents import Latents
from img2img.schema import Weight


class Weights(regularizers.Weights):
    """Loss weights; L_supervised and L_unsupervised weigh the same (Sec. 5)."""

    adv: Weight = 0.0
    """Weight of the generator's adversarial loss, beside the features."""
    label: Weight = 1.0
    """Weight of naming the class of labelled pictures, in the discriminator's loss."""
    features: Weight = 1.0
    """Weight of matching the mean features of real pictures, in the generator's loss."""


class SemiSupervisedOptions(ConvolutionalOptions):
    """Settings of the semi-supervised GAN."""

    # Of the paper's published code (openai/improved-gan): batches of 100, Adam with a beta1 of 0.5, no
    # batch norm in D. 0.0003 is the rate of its CIFAR-10 script, whose networks are convolutional, too;
    # that of the MNIST script, with perceptrons, is 0.003.
    presets = {
        "semi_supervised": DCGAN_TRAINING
        | {"training.batch_size": 100, "training.lr": 3e-4, "training.val_pairs": 10_000}
    }

    name: Literal["semi_supervised"] = "semi_supervised"
    """The model."""
    labelled_per_class: int = Field(10, ge=1)
    """Pictures of each class, the first ones, whose class is known in training; the others serve
    without it, but for `data.val_fraction` of them, which measure the classifier."""
    d_norm: AnyNorm = "none"
    """Norm layers of the discriminator."""
    adversarial: Labelled = "non_saturating"
    """Adversarial loss on D(x), of those that have labels."""
    weights: Weights = Weights()


class SemiSupervisedGAN(GANBase[SemiSupervisedOptions]):
    """A generator without classes against a classifier that was told of a few."""

    Options = SemiSupervisedOptions
    needs_classes = True

    def __init__(self, options: SemiSupervisedOptions, spec: DataSpec):
        super().__init__(options, spec, Latents(options.latent, options.noise))
        self.generator, self.discriminator = build_networks(
            options, spec, self.latents, outputs=len(spec.class_names), features=True
        )

    def losses(self, update: str, batch: Batch, out: Drawn) -> Terms:
        real, fake = batch[TARGET], out.fake
        on_real, features_of_real = self.judge(real, batch)
        on_fake, features_of_fake = self.judge(fake, batch)
        if update == "g":
            return {
                **self.objective.generator(realness(on_fake)),
                "features": mean_feature_loss(features_of_real, features_of_fake),
            }
        on_labelled, _ = self.judge(batch[LABELLED], batch)
        return {
            **self.objective.discriminator(realness(on_real), realness(on_fake), out),
            **self.objective.penalty(
                lambda picture: realness(self.judge(picture, batch)[0]), real, fake
            ),
            "label": class_loss(on_labelled, batch[CLASS]),
        }

    def classify(self, batch: Batch) -> Tensor:
        return self.judge(batch[LABELLED], batch)[0]
