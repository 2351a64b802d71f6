"""The configuration of a run: typed, frozen, and wrong in one message only.

A config is YAML, then `key=value` overrides, validated by pydantic. The `model` section
is validated by the `Options` of the model that it names, so that a new model brings its
own settings and this file need not know them.
"""

import copy
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
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
    ValidationError,
    create_model,
    model_validator,
)

from img2img.errors import ConfigError


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


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice (PyYAML lets the last one win silently)."""

    def construct_mapping(self, node, deep=False):
        seen = []
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":  # `<<: *other`: may be overridden
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is given twice", key_node.start_mark
                )
            seen.append(key)
        return super().construct_mapping(node, deep)


def nearest(name: str, valid: Iterable[str]) -> str:
    """'did you mean X?' for the nearest valid name, else the list of all of them."""
    valid = sorted(valid)
    match = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    return f"did you mean {match[0]!r}?" if match else f"valid: {', '.join(valid)}"


def read_yaml(path: Path) -> dict:
    """The mapping in a YAML file.

    Raises:
        ConfigError: the file is missing, no YAML, no mapping, or has a key twice.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"{path}: the config cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected `key: value` lines, got {type(content).__name__}")
    return content


def parse_overrides(items: Iterable[str]) -> dict[str, Any]:
    """`["training.lr=1e-4", ...]` as {"training.lr": value}; values are read as YAML."""
    overrides, problems = {}, []
    for item in items:
        key, separator, text = item.partition("=")
        if not separator or not key:
            problems.append(f"{item!r}: expected key=value, for example training.lr=1e-4")
            continue
        try:
            overrides[key.strip()] = yaml.load(text, _Loader)
        except yaml.YAMLError:
            overrides[key.strip()] = text
    if problems:
        raise ConfigError("\n".join(problems))
    return overrides


def _set(tree: dict, dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    for key in parents:
        child = tree.get(key)
        if not isinstance(child, dict):
            child = {"name": child} if isinstance(child, str) else {}
        tree[key] = child
        tree = child
    tree[last] = value


def parse_config(
    tree: Mapping,
    options: Mapping[str, type[Section]],
    origin: str,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """A config from a nested mapping, for example one that a checkpoint holds.

    Args:
        origin: where the mapping comes from, for the messages.
        overrides: dotted keys and values, stronger than the mapping.

    Raises:
        ConfigError: one message with every problem.
    """
    tree, overrides = copy.deepcopy(dict(tree)), overrides or {}
    model = tree.get("model")
    if isinstance(model, str):
        tree["model"] = {"name": model}
    for key, value in overrides.items():
        _set(tree, "model.name" if key == "model" else key, value)
    return _parse(tree, options, origin, overrides)


def load_config(
    options: Mapping[str, type[Section]],
    *,
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """A validated config from a YAML file (or none) and overrides.

    Args:
        options: the `Options` class of every model, by model name.
        path: a YAML file; None starts from the defaults.
        overrides: dotted keys and values, stronger than the file.

    Raises:
        ConfigError: one message with every problem: where, which key, why, what instead.
    """
    tree = read_yaml(path) if path else {}
    return parse_config(tree, options, str(path) if path else "command line", overrides)


def _parse(tree: dict, options: Mapping, origin: str, overrides: Mapping) -> Config:
    model = tree.get("model") or {}
    name = model.get("name") if isinstance(model, dict) else None
    if name is None:
        raise ConfigError(f"{origin}: model: no model is named; valid: {', '.join(options)}")
    if not isinstance(name, str) or name not in options:
        hint = nearest(str(name), options)
        raise ConfigError(f"{origin}: model: unknown model {name!r}; {hint}")
    schema = create_model("Config", __base__=Config, model=(options[name], ...))
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        problems = [
            _describe(problem, schema, origin, overrides)
            for problem in error.errors(include_url=False)
        ]
    raise ConfigError("the config cannot be used:\n" + "\n".join(f"  {p}" for p in problems))


def _describe(problem: dict, schema: type[Section], origin: str, overrides: Mapping) -> str:
    """One problem of pydantic's as `where: key: reason`."""
    keys = [str(part) for part in problem["loc"]]
    dotted = ".".join(keys)
    given_here = any(dotted == key or dotted.startswith(key + ".") for key in overrides)
    where = "command line" if given_here else origin
    if problem["type"] == "extra_forbidden":
        return f"{where}: {dotted}: unknown key; {nearest(keys[-1], _fields(schema, keys[:-1]))}"
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {dotted}: {reason} (got {problem.get('input')!r})"


def _fields(schema: type[BaseModel], keys: list[str]) -> list[str]:
    """The valid keys of the section that `keys` lead to."""
    for key in keys:
        field = schema.model_fields.get(key)
        inner = field.annotation if field else None
        inner = next((a for a in (inner, *getattr(inner, "__args__", ())) if _is_section(a)), None)
        if inner is None:
            break
        schema = inner
    return list(schema.model_fields)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
