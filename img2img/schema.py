"""The settings of a run: names, types, defaults and limits. Loading them is `config`'s."""

from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SerializeAsAny,
    model_validator,
)


class Section(BaseModel):
    """A part of the configuration: immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, coerce_numbers_to_str=True
    )


def _square(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain_name(value: str) -> str:
    if value in {"target", "name"}:
        raise ValueError(f"{value!r} is used by the batch itself; choose another name")
    return value


Size = Annotated[tuple[PositiveInt, PositiveInt], BeforeValidator(_square)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Source(Section):
    """One input of the generator.

    `folder` is a folder below `data.path` (may hold `{split}`), a CSV column, or a part
    that the layout found (`label`, `instance`, `A`, ...); without it, `name` is used.
    """

    name: Annotated[str, AfterValidator(_plain_name)]
    kind: Literal["labels", "instances", "image"]
    folder: str | None = None


class DataConfig(Section):
    """Where the pairs are, what they mean, and how they are varied in training."""

    path: str | None = None  # a folder or a CSV; None: the built-in street scenes
    layout: str = "auto"
    direction: Literal["AtoB", "BtoA"] = "AtoB"
    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    inputs: tuple[Source, ...] = ()  # (): what the layout says
    target: str | None = None  # folder or column of the target; None: what the layout says

    palette: str | None = None  # a built-in palette's name or a file: colour-coded labels
    classes: str | None = None  # a file with one class name a line
    num_classes: PositiveInt | None = None  # None: highest id + 1
    ignore_id: int | None = None  # pixels of no class: all-zero one-hot, no L1, no metrics
    derive_instances: bool = False  # instances: the connected pieces of every class
    remap: bool = False  # renumber the ids that occur to 0, 1, 2, ...
    range: Literal["dtype", "auto"] = "dtype"  # image range: of the type, or as found

    resize: Size | None = None  # (height, width) at which the network works
    resize_width: PositiveInt | None = None  # the same, keeping the aspect ratio
    crop: Size | None = None  # random (height, width) in training
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0  # enlarge by this share, crop back
    flip: bool = True
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees, to either side
    colour: Fraction = 0.0  # brightness, contrast, saturation of the target

    scenes: PositiveInt = 2000  # built-in data: number of training scenes
    val_scenes: PositiveInt = 24
    scene_size: Size = (128, 256)

    @model_validator(mode="after")
    def _one_resize(self) -> "DataConfig":
        if self.resize and self.resize_width:
            raise ValueError("resize and resize_width exclude each other; give one of them")
        return self


class TrainingConfig(Section):
    """The loop: how long, how fast, what is written down."""

    batch_size: PositiveInt = 1  # per process
    accumulation: PositiveInt = 1  # batches whose gradients make one step
    epochs: NonNegativeInt = 100  # at the full learning rate
    decay_epochs: NonNegativeInt = 100  # then falling linearly to 0
    steps: NonNegativeInt | None = None  # the same in steps, instead of epochs
    decay_steps: NonNegativeInt | None = None
    max_steps: PositiveInt | None = None  # stops; the schedule does not notice
    max_time: PositiveFloat | None = None  # minutes

    lr: PositiveFloat = 2e-4
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0  # decay of the generator's average; 0: off
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    device: str = "auto"
    seed: NonNegativeInt = 0
    init_from: str | None = None  # a run or checkpoint whose weights are the start
    workers: NonNegativeInt = 2  # processes that read pictures

    log_every: PositiveInt = 10  # steps
    validate_every: PositiveInt = 1000  # steps; also at the end
    val_pairs: NonNegativeInt = 100  # pairs scored at most
    samples: NonNegativeInt = 6  # pairs drawn on the sample sheets
    save_every: PositiveInt = 1000  # steps; also at the end
    keep: PositiveInt = 2  # newest checkpoints kept
    best: Literal["auto", "lpips", "ssim", "psnr", "l1"] = "auto"
    lpips_weights: str = "auto"  # auto | none | a file with VGG16 weights


# What `--resume` may change: when to stop, what to log, where to run. Anything else would
# make the rest of the run another experiment.
RESUMABLE = frozenset(
    "training." + key
    for key in (
        "epochs decay_epochs steps decay_steps max_steps max_time device workers log_every "
        "validate_every val_pairs samples save_every keep"
    ).split()
)


class Config(Section):
    """A whole run. `model` is the `Options` of the model named in it."""

    model: SerializeAsAny[Section]
    data: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig()

    def to_yaml(self) -> str:
        """The config as YAML that `load_config` reads back to an equal config."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
