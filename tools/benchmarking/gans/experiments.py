"""Which trainings are compared, and how large they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

GRIDS = 8  # samples over a training


@dataclass(frozen=True)
class Budget:
    """How much each training gets.

    Attributes:
        steps: of the discriminator, which the generator's are a part of; see `Experiment.times`.
        minutes: after which a training stops wherever it is; None: it has its steps.
        full: at the presets' own widths and batches, not the narrow ones for a CPU.
        tiny: so small that it only shows that everything runs.
    """

    steps: int
    minutes: float | None = None
    full: bool = False
    tiny: bool = False


# What makes a training fit for two cores: a step of half the pictures with a tenth of the operations.
NARROW = {"model.width": 32, "model.d_width": 32, "training.batch_size": 64}
TINY = {"model.width": 4, "model.d_width": 4, "training.batch_size": 4, "training.samples": 1}


@dataclass(frozen=True)
class Experiment:
    """One training.

    Attributes:
        what: what sets it apart, in a few words.
        data: the digits that were given, or the built-in pictures of things.
        settings: beside the model's own.
        narrow: settings of the smaller budget beside these.
        times: steps for one of the budget's: a generator that waits for its critic needs more.
    """

    model: str
    what: str
    data: Literal["digits", "things"] = "digits"
    settings: Mapping[str, Any] = field(default_factory=dict)
    narrow: Mapping[str, Any] = field(default_factory=lambda: NARROW)
    times: int = 1


# The learning rates of Chen et al. 2016, Appendix C.1; DCGAN has 0.0002 for both.
FAST = {"training.lr": 1e-3, "training.d_lr": 2e-4}
AVERAGE = {"training.ema": 0.999}
REAL = {"model.weights.label_fake": 0}
PUBLISHED = {"model.width": 64}  # of the generator, Appendix C.1

DIGITS = {
    "gan": Experiment("gan", "two perceptrons", narrow={}),
    "dcgan": Experiment("dcgan", "convolutions"),
    "dcgan_minibatch": Experiment(
        "dcgan",
        "and minibatch discrimination",
        settings={"model.regularizers.minibatch_discrimination": True},
    ),
    "lsgan": Experiment("lsgan", "least squares"),
    "wgan": Experiment("wgan", "Wasserstein, clipped weights", times=2),
    "wgan_gp": Experiment("wgan_gp", "Wasserstein, gradient penalty", times=2),
    "wgan_div": Experiment("wgan_div", "Wasserstein divergence", times=2),
    "fgan": Experiment("fgan", "Jensen-Shannon divergence"),
    "began": Experiment(
        "began",
        "autoencoder in balance",
        narrow={"model.width": 32, "model.d_width": 32, "model.latent": 32},
    ),
    "cgan": Experiment("cgan", "both are told the class", settings=FAST),
    "acgan": Experiment(
        "acgan",
        "the discriminator learns to name the classes of real pictures; a moving average draws",
        settings=REAL | AVERAGE,
        times=2,
    ),
    "infogan": Experiment("infogan", "codes, without classes", settings=PUBLISHED),
    "semi_supervised": Experiment("semi_supervised", "told of ten pictures a class"),
}

# On the built-in pictures by the same settings, but for a code of as many values as there are things,
# and a CGAN by DCGAN's rates, which were no worse there.
KINDS = {"infogan": PUBLISHED | {"model.categories": 4}, "cgan": {}}
THINGS = {
    f"{name}_things": replace(
        experiment, data="things", settings=KINDS.get(name, experiment.settings)
    )
    for name, experiment in DIGITS.items()
}
EXPERIMENTS = DIGITS | THINGS


def arguments(
    name: str, budget: Budget, run: Path, data: list[str], device: str, seed: int = 0
) -> list[str]:
    """The arguments of `img2img` that make the training.

    Args:
        data: those that say what it learns from.
    """
    experiment = EXPERIMENTS[name]
    settings = {**experiment.settings}
    steps = budget.steps * (1 if budget.tiny else experiment.times)
    if not budget.full:
        settings |= TINY if budget.tiny else experiment.narrow
    settings |= {
        "training.precision": "fp32",  # figures of a GPU and of a CPU then compare
        "training.steps": steps,
        "training.decay_steps": 0,
        "training.validate_every": -(-steps // GRIDS),
        "training.save_every": steps,
        "training.log_every": max(1, steps // 100),
        # A process beside that of a GPU reads pictures while it waits; on a CPU there is no core for it.
        "training.workers": 0 if device == "cpu" else 1,
    }
    time = [] if budget.minutes is None else ["--max-time", str(budget.minutes)]
    where = ["--model", experiment.model, "--run", str(run), "--overwrite", "--device", device]
    chosen = [f"{key}={value}" for key, value in settings.items()]
    return ["train", *where, "--seed", str(seed), *time, *data, *chosen]
