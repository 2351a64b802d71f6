"""The settings of a run: names, types, defaults, limits and meanings. Loading them is `config`'s.

The sentence below a field is its description, which `--print-config` and docs/settings.md show.
"""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

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
    SkipValidation,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from img2img.keys import RESERVED
from img2img.lazy import renamed

__getattr__ = renamed(__name__, {"Source": "InputConfig"})


class Section(BaseModel):
    """A part of the configuration: immutable, and an unknown key is an error.

    A model's `Options` may have `presets`: for each name that the model goes by, dotted settings of
    the whole config, weaker than what a file or the command line says.
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {}

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        coerce_numbers_to_str=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class ModelOptions(Section):
    """Settings of a model: base of all `Options`."""

    name: str
    """The model."""
    if TYPE_CHECKING:
        # Every model has them, and lists them last, with a field for each loss term. As a field of
        # this class they would be listed before all other settings.
        weights: Section


def subsection(field: FieldInfo) -> type[Section] | None:
    """The section that a field holds, or of which it holds several; None for a plain setting."""
    candidates = (field.annotation, *getattr(field.annotation, "__args__", ()))
    sections = (c for c in candidates if isinstance(c, type) and issubclass(c, Section))
    return next(sections, None)


def walk(schema: type[Section], above: str = "") -> Iterator[str]:
    """The dotted keys of all settings of a section and of the sections in it."""
    for name, field in schema.model_fields.items():
        yield above + name
        inner = subsection(field)
        if inner == field.annotation and inner is not None:  # a list of sections has no dotted keys
            yield from walk(inner, f"{above}{name}.")


def _square(value: Any) -> Any:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _plain_name(value: str) -> str:
    if value in RESERVED:
        raise ValueError(f"{value!r} is used by the batch itself; choose another name")
    return value


Size = Annotated[tuple[PositiveInt, PositiveInt], BeforeValidator(_square)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]  # of a loss: a negative one would seek what it should avoid


class OneOf:
    """Of a setting whose values are the names in tables: `Annotated[str, OneOf(NORMS)]`.

    The tables are looked at when a value is, so a line that is added to one is a value at once.
    """

    def __init__(self, *tables: Collection[str]):
        self.tables = tables

    @property
    def names(self) -> list[str]:
        """The values, in the tables' order."""
        return [name for table in self.tables for name in table]

    def _check(self, value: str) -> str:
        if value not in self.names:
            raise ValueError(f"should be one of {', '.join(self.names)}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "string", "enum": self.names}


class InputConfig(Section):
    """One input of the generator."""

    name: Annotated[str, AfterValidator(_plain_name)]
    """Name of the input, in batches and on sample sheets."""
    kind: Literal["labels", "instances", "image"]
    """What its files hold: class ids, instance ids, or a picture."""
    folder: str | None = None
    """Folder below `data.path` (may hold `{split}`), CSV column, or part that the layout found
    (`label`, `instance`, `A`, ...); null: as `name`."""

    @property
    def part(self) -> str:
        """The layout's part that the files come from."""
        return self.folder or self.name


class DataConfig(Section):
    """Where the pairs are, what they mean, and how they are varied in training."""

    path: str | None = None
    """Folder with the pairs, or a CSV; for models of pictures alone a folder of them or of class
    folders, idx files, or a CSV of pixels; null: the built-in street scenes."""
    layout: str = "auto"
    """How the pairs lie on disk: label/inst/img, images/labels, A/B, side-by-side or csv; auto
    recognises it."""
    direction: Literal["AtoB", "BtoA"] = "AtoB"
    """Which folder or half is the input and which the target."""
    val_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the pairs held out for validation, where the data have no validation split."""
    inputs: tuple[InputConfig, ...] = ()
    """The generator's inputs; empty: what the layout says."""
    target: str | None = None
    """Folder or column of the target; null: what the layout says."""

    palette: str | None = None
    """Colours of colour-coded labels: facades, cityscapes, camvid, or a file with lines
    `R G B name`."""
    label_coding: Literal["auto", "ids", "colours"] = "auto"
    """What the values of label files stand for, where a palette is set or stored in the files: class
    ids, or colours of the palette; auto decides by what the files hold."""
    classes: str | None = None
    """File with one class name a line; null: `classes.txt` beside the pairs, where it fits."""
    num_classes: PositiveInt | None = None
    """Number of classes; null: the highest id + 1."""
    ignore_id: int | None = None
    """Label id that is no class: no one-hot plane, no L1, no metrics there."""
    derive_instances: bool = False
    """Take the connected pieces of every class as the instances."""
    remap: bool = False
    """Renumber the label ids that occur to 0, 1, 2, ..."""
    range: Literal["dtype", "auto"] | tuple[float, float] = "dtype"
    """Values that become -1 and 1: of the type (floats: auto), of training files (auto), or two."""
    nodata: float | None = None
    """Value that means no data, such as -9999: it is left out of the range, and read as its least."""
    scan_cache: bool = True
    """Remember what the first scan of all files found, and scan again only at files whose name,
    size or time has changed."""

    resize: Size | None = None
    """Size in pixels at which the network works; null: that of the files."""
    resize_width: PositiveInt | None = None
    """Width in pixels at which the network works, keeping the aspect ratio; instead of `resize`."""
    crop: Size | None = None
    """Size in pixels of a random part of each pair, in training alone; null: the whole."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Enlarge by this share and crop back at random, in training alone."""
    flip: bool = True
    """Mirror half of the pairs left to right, in training alone."""
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Greatest random rotation to either side in degrees, in training alone."""
    colour: Fraction = 0.0
    """Strength of random brightness, contrast and saturation of the target, in training alone."""

    scenes: PositiveInt = 2000
    """Built-in data: number of training scenes, or of the pictures of things cut from them."""
    val_scenes: PositiveInt = 24
    """Built-in data: number of validation scenes."""
    scene_size: Size = (128, 256)
    """Built-in data: size of the scenes in pixels."""

    @model_validator(mode="after")
    def _one_resize(self) -> "DataConfig":
        if self.resize and self.resize_width:
            raise ValueError("resize and resize_width exclude each other; give one of them")
        return self


class TrainingConfig(Section):
    """The loop: how long, how fast, what is written down."""

    batch_size: PositiveInt = 1
    """Pairs in a batch, of each process."""
    accumulation: PositiveInt = 1
    """Batches whose gradients make one step."""
    activation_checkpointing: bool = False
    """Compute activations again in the backward pass instead of storing them (`--low-memory`): less
    memory, more time, the same results."""
    epochs: NonNegativeInt = 100
    """Epochs at the full learning rate."""
    decay_epochs: NonNegativeInt = 100
    """Epochs after these, in which the learning rate falls to 0."""
    steps: NonNegativeInt | None = None
    """Steps at the full learning rate; given it or `decay_steps`, epochs do not count."""
    decay_steps: NonNegativeInt | None = None
    """Steps after these, in which the learning rate falls to 0."""
    schedule: Literal["linear", "cosine"] = "linear"
    """How the learning rate falls to 0: in a line, or in half a cosine."""
    warmup_steps: NonNegativeInt = 0
    """First steps, in which the learning rate rises in a line from 0; they count as steps like any."""
    max_steps: PositiveInt | None = None
    """Step at which the training stops at the latest; the schedule of the learning rate does not
    notice."""
    max_time: PositiveFloat | None = None
    """Minutes after which the training stops at the latest."""

    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """What turns gradients into steps: Adam, AdamW (weights decay), RMSprop (without the gradients'
    mean), or stochastic gradient descent with momentum."""
    lr: PositiveFloat = 2e-4
    """The optimizer's learning rate."""
    d_lr: PositiveFloat | None = None
    """Learning rate of every discriminator; null: as `lr`."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Decay of the gradients' mean, in Adam and AdamW."""
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay of the gradients' mean square, in Adam, AdamW and RMSprop."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share of the last step that goes into the next, in sgd alone."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Weight decay, in AdamW alone."""
    clip: Annotated[float, Field(ge=0)] = 0.0
    """Greatest norm of an update's gradient: a longer one is scaled down to it; 0: gradients are not
    clipped. On a CPU all gradients are then in memory at once."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the moving average of the generator's weights, which then translates; 0: none."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Numbers in which the networks compute; auto: bf16 on a CUDA GPU that has it, else fp32;
    fp16 needs a CUDA GPU."""
    compile: bool = False
    """Compile the networks (torch.compile) before their first step; where that fails they run as
    they are."""
    memory_format: Literal["auto", "channels_first", "channels_last"] = "auto"
    """How pictures lie in memory; auto: channels last on CUDA, channels first elsewhere."""
    reference_mode: bool = False
    """Compute by the plain ways of PyTorch alone, without faster ones that round otherwise; the
    variable IMG2IMG_PLAIN=1 in the environment sets it for new runs."""
    device: str = "auto"
    """Where the networks compute: auto, cpu, cuda, cuda:1 or mps."""
    seed: NonNegativeInt = 0
    """Seed of weights, data order and augmentation."""
    init_from: str | None = None
    """Run or checkpoint file whose weights are the start, as far as layers have the same size: with
    other classes a few stay new, and are named; null: random weights."""
    workers: NonNegativeInt = 2
    """Processes that read pictures, for each training process; 0: none beside it."""

    log_every: PositiveInt = 10
    """Steps between two lines of the log."""
    validate_every: PositiveInt = 1000
    """Steps between two validations; there is one at the end, too."""
    val_pairs: NonNegativeInt = 100
    """Held-out pairs that a validation scores at most."""
    samples: NonNegativeInt = 6
    """Held-out pairs drawn on a sample sheet, or rows of a grid of generated pictures; 0: none."""
    save_every: PositiveInt = 1000
    """Steps between two checkpoints; there is one at the end, too."""
    keep: PositiveInt = 2
    """Newest checkpoints that are kept."""
    best: Literal["auto", "lpips", "ssim", "psnr", "l1"] = "auto"
    """Metric that chooses the best checkpoint; auto: LPIPS where its weights are to be had, else
    SSIM."""
    lpips_weights: str = "auto"
    """VGG16 weights for LPIPS: a file, none, or auto, which looks in torchvision's cache."""

    def learning_rate(self, role: str) -> float:
        """The learning rate of updates of a role (`models.base.Role`), before its schedule."""
        return self.d_lr if role == "discriminator" and self.d_lr else self.lr


# What `--resume` may change: when to stop, what to log, where to run and in how much memory, and where
# the data lie, which must be the same. Anything else would make the rest of the run another experiment.
RESUMABLE = frozenset(
    "training." + key
    for key in (
        "epochs decay_epochs steps decay_steps max_steps max_time device memory_format compile workers "
        "activation_checkpointing log_every validate_every val_pairs samples save_every keep"
    ).split()
) | {"data.path", "data.scan_cache"}


class Config(Section):
    """A whole run. `model` is the `Options` of the model named in it."""

    # `config.parse_config` puts the named model's own class here, which validates it.
    model: SkipValidation[SerializeAsAny[ModelOptions]]
    data: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig()

    def to_yaml(self) -> str:
        """The config as YAML that `load_config` reads back to an equal config."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)
