"""Loading a config: YAML, then `key=value` overrides, and every problem in one message.

The `model` section is validated by the `Options` of the model that it names, so that a new
model brings its own settings and this file need not know them.
"""

import copy
import reprlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError, create_model

from img2img.errors import ALIKE, ConfigError, best_match, nearest
from img2img.foreign import MOST_YAML, parse_yaml
from img2img.habits import targets
from img2img.places import find_config
from img2img.schema import Config, Section, subsection, walk

# Settings by the names that they had, as older configs, runs and habits have them.
RENAMED = {
    "training.checkpointing": "training.activation_checkpointing",
    "model.aids": "model.regularizers",
}
_SLIP = 0.8  # likeness from which an unknown key is a slip and no word of another tool
_told: set[str] = set()  # once in a process


def read_yaml(path: Path) -> dict:
    """The mapping in a YAML file, as `find_config` finds it.

    Raises:
        ConfigError: the file is missing, no YAML, no mapping, or has a key twice.
    """
    path = find_config(path)
    try:
        with path.open(encoding="utf-8") as file:
            content = parse_yaml(file.read(MOST_YAML + 1))
    except OSError as error:
        raise ConfigError(f"{path}: the config cannot be read ({error.strerror})") from error
    except ValueError as error:
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
            instead = f" (the data are --data {item})" if Path(item).exists() else ""
            problems.append(f"{item!r}: expected key=value, for example training.lr=1e-4{instead}")
            continue
        try:
            overrides[key.strip()] = parse_yaml(text)
        except ValueError:
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


def _renamed(key: str) -> str:
    """A dotted key by its present name; says so where it had another."""
    for old, new in RENAMED.items():
        if key == old or key.startswith(old + "."):
            if old not in _told:
                _told.add(old)
                print(f"{old} is now called {new}", file=sys.stderr)
            return new + key.removeprefix(old)
    return key


def _rename(tree: dict, origin: str) -> None:
    """Gives the settings of a nested mapping their present names.

    Raises:
        ConfigError: one is given by both names.
    """
    for old in RENAMED:
        *above, last = old.split(".")
        section: Any = tree
        for key in above:
            section = section.get(key) if isinstance(section, dict) else None
        if not isinstance(section, dict) or last not in section:
            continue
        new = _renamed(old).split(".")[-1]
        if new in section:
            raise ConfigError(
                f"{origin}: {'.'.join(above)} has both {last} and {new}, its name now; leave out {last}"
            )
        section[new] = section.pop(last)


def _fill(tree: dict, options: Mapping[str, type[Section]]) -> None:
    """What the model's name sets, where the mapping says nothing."""
    model = tree.get("model")
    name = model.get("name") if isinstance(model, dict) else None
    if not isinstance(name, str) or name not in options:
        return
    for key, value in options[name].presets.get(name, {}).items():
        *parents, last = key.split(".")
        inner = tree
        for parent in parents:
            inner = inner.setdefault(parent, {}) if isinstance(inner, dict) else inner
        if isinstance(inner, dict):  # else there is something wrong, which validation will say
            inner.setdefault(last, value)


def as_tree(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as nested sections: `{"training.lr": 1}` is `{"training": {"lr": 1}}`.

    A dotted key is stronger than a section that is given beside it.
    """
    tree: dict[str, Any] = {}
    for key in sorted(settings, key=lambda key: str(key).count(".")):
        _set(tree, str(key), copy.deepcopy(settings[key]))
    return tree


def flat(tree: Mapping, prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted keys."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def as_overrides(section: Section, above: str) -> dict[str, str]:
    """The settings that differ from the defaults, as they are typed on a command line.

    Args:
        above: the section's dotted key.
    """
    default = type(section)().model_dump(mode="json")
    return {
        f"{above}.{key}": as_typed(value)
        for key, value in section.model_dump(mode="json").items()
        if value != default[key]
    }


def as_typed(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, str):
        return value
    # In a list of one: alone, YAML may end a text by a line of its own.
    text = yaml.safe_dump([value], default_flow_style=True, width=float("inf"))
    return text.strip()[1:-1]


def parse_config(
    settings: Mapping,
    options: Mapping[str, type[Section]],
    origin: str,
    overrides: Mapping[str, Any] | None = None,
    *,
    need_model: bool = True,
) -> Config:
    """A config from a nested mapping, for example one that a checkpoint holds.

    Args:
        settings: the mapping; it stays as it is.
        origin: where the mapping comes from, for the messages.
        overrides: dotted keys and values, stronger than the mapping.
        need_model: as of `load_config`.

    Raises:
        ConfigError: one message with every problem.
    """
    tree, overrides = copy.deepcopy(dict(settings)), overrides or {}
    model = tree.get("model")
    if isinstance(model, str):
        tree["model"] = {"name": model}
    overrides = {_renamed(key): value for key, value in overrides.items()}
    _rename(tree, origin)
    for key, value in overrides.items():
        _set(tree, "model.name" if key == "model" else key, value)
    _fill(tree, options)
    schema = _schema(tree, options, origin, need_model=need_model)
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        problems = [
            _describe(problem, schema, options, origin, overrides)
            for problem in error.errors(include_url=False)
        ]
    raise ConfigError("the config cannot be used:\n" + "\n".join(f"  {p}" for p in problems))


def load_config(
    options: Mapping[str, type[Section]],
    *,
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    need_model: bool = True,
) -> Config:
    """A validated config from a YAML file (or none) and overrides.

    Args:
        options: the `Options` class of every model, by model name.
        path: a YAML file; None starts from the defaults.
        overrides: dotted keys and values, stronger than the file.
        need_model: False lets the model be missing, and its section empty.

    Raises:
        ConfigError: one message with every problem: where, which key, why, what instead.
    """
    tree = read_yaml(path) if path else {}
    origin = str(path) if path else "command line"
    return parse_config(tree, options, origin, overrides, need_model=need_model)


def _schema(tree: dict, options: Mapping, origin: str, *, need_model: bool) -> type[Config]:
    """The config's schema with the `Options` of the model that the mapping names."""
    model = tree.get("model") or {}
    if not model and not need_model:
        return create_model("Config", __base__=Config, model=(Section, Section()))
    name = model.get("name") if isinstance(model, dict) else None
    if name is None:
        raise ConfigError(
            f"{origin}: no model is named; give --model NAME, one of {', '.join(options)}"
        )
    if not isinstance(name, str) or name not in options:
        hint = nearest(str(name), options)
        raise ConfigError(f"{origin}: model: unknown model {name!r}; {hint}")
    return create_model("Config", __base__=Config, model=(options[name], ...))


def _describe(
    problem: Mapping[str, Any],
    schema: type[Config],
    options: Mapping,
    origin: str,
    overrides: Mapping,
) -> str:
    """One problem of pydantic's as `where: key: reason`."""
    keys = [str(part) for part in problem["loc"]]
    dotted = ".".join(keys)
    given_here = any(dotted == key or dotted.startswith(key + ".") for key in overrides)
    where = "command line" if given_here else origin
    if problem["type"] == "extra_forbidden":
        return f"{where}: {dotted}: unknown key; {_hint(keys, schema, options)}"
    reason = problem["msg"].removeprefix("Value error, ")
    given = problem.get("input")
    # Of settings that do not go together the reason says which.
    got = "" if isinstance(given, Mapping) else f" (got {reprlib.repr(given)})"
    return f"{where}: {dotted}: {reason}{got}"


def _hint(keys: list[str], schema: type[Config], options: Mapping) -> str:
    """What an unknown key may have meant: a setting of its own section, or of any other."""
    *above, last = keys
    own = _fields(schema, above)
    known = set(walk(schema))
    meant = [target for target in targets(last) if target.partition("=")[0] in known]
    if meant and best_match(last, own)[0] < _SLIP:
        return f"did you mean {meant[0]!r}?"
    paths: dict[str, list[str]] = {}
    for path in walk(schema):
        paths.setdefault(path.rpartition(".")[2], []).append(path)
    near, elsewhere = best_match(last, own), best_match(last, paths)
    foreign = [name for name, section in options.items() if last in section.model_fields]
    if foreign and last not in paths:
        return f"it is a setting of {', '.join(foreign)}"
    if elsewhere[0] > max(near[0], ALIKE):
        return f"did you mean {' or '.join(map(repr, paths[elsewhere[1]]))}?"
    return nearest(last, own)


def _fields(schema: type[Section], keys: list[str]) -> list[str]:
    """The valid keys of the section that `keys` lead to."""
    for key in keys:
        field = schema.model_fields.get(key)
        inner = subsection(field) if field else None
        if inner is None:
            break
        schema = inner
    return list(schema.model_fields)
