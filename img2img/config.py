"""Loading a config: YAML, then `key=value` overrides, and every problem in one message.

The `model` section is validated by the `Options` of the model that it names, so that a new
model brings its own settings and this file need not know them.
"""

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError, create_model

from img2img.errors import ConfigError, nearest
from img2img.schema import Config, Section


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
        raise ConfigError(
            f"{origin}: no model is named; give --model NAME, one of {', '.join(options)}"
        )
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
