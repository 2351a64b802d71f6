"""The settings written out for people: a config with comments, and the page docs/settings.md.

Both come from the fields' own descriptions, types and limits, so that they cannot fall behind.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from img2img.schema import (
    RESUMABLE,
    Config,
    DataConfig,
    InputConfig,
    Section,
    TrainingConfig,
    subsection,
)

WIDTH = 100  # columns of a comment

PAGE_HEAD = """# Settings

Every setting is a `key=value` on the command line or a line in a YAML file (`--config`).
`img2img train --model NAME --print-config` prints them all as such a file.

This page is written by `python tools/settings_page.py`; a test fails where it is out of date.
"""


def commented_yaml(config: Config, models: Iterable[str]) -> str:
    """A config as YAML that `load_config` reads back, every setting with what it means.

    Args:
        models: what a config without a model may name as one.
    """
    lines = []
    if not type(config.model).model_fields:
        lines = [
            "# No model is named: add one with --model NAME or a line `model: NAME`, where NAME is",
            f"# {' or '.join(models)}; with it, --print-config shows the model's settings too.",
        ]
    return "\n".join([*lines, *_section_lines(config)]).lstrip() + "\n"


def _section_lines(section: Section, indent: str = "") -> Iterator[str]:
    meanings = _meanings(type(section))
    values = section.model_dump(mode="json")
    for name in type(section).model_fields:
        inner = getattr(section, name)
        if not isinstance(inner, Section):
            yield from _comment(f"{meanings[name][1]} ({meanings[name][0]})", indent)
            yield f"{indent}{name}: {_value(values[name])}"
        elif type(inner).model_fields:
            yield from [] if indent else [""]
            yield from _comment(_first_line(type(inner)), indent)
            yield f"{indent}{name}:"
            yield from _section_lines(inner, indent + "  ")


def _comment(text: str, indent: str) -> list[str]:
    start = f"{indent}# "
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )


def _value(value: Any) -> str:
    """A value on one line of YAML."""
    # In a list of one: alone, YAML may end a text by a line of its own.
    text = yaml.safe_dump(
        [value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    return text.strip()[1:-1]


def settings_page(options: Mapping[str, type[Section]]) -> str:
    """docs/settings.md: tables of all settings of all models."""
    resumable = ", ".join(f"`{key}`" for key in sorted(RESUMABLE))
    parts = [
        PAGE_HEAD,
        *_tables("data", DataConfig),
        *_tables("each of data.inputs", InputConfig),
        *_tables("training", TrainingConfig),
        f"`--resume` may change {resumable}; with anything else the rest of the run would be "
        "another experiment.\n",
    ]
    for section in dict.fromkeys(options.values()):
        names = [name for name, other in options.items() if other is section]
        parts += _tables("model", section, f" of {', '.join(names)}")
        parts += _presets(section)
    return "\n".join(parts)


def _presets(section: type[Section]) -> Iterator[str]:
    """What the names of a model set by themselves."""
    if section.presets:
        yield "Set by the model's name, unless a file or the command line says otherwise:\n"
        yield "| model | settings |\n|---|---|"
        for name, preset in section.presets.items():
            settings = ", ".join(f"`{key}={_value(value)}`" for key, value in preset.items())
            yield f"| {name} | {settings} |"
        yield ""


def _tables(above: str, section: type[Section], whose: str = "") -> Iterator[str]:
    """A section's table, then those of the sections in it."""
    yield f"## {above}{whose}\n\n{_first_line(section)}\n"
    yield "| setting | default | values | meaning |\n|---|---|---|---|"
    prefix = f"{above}." if " " not in above else ""
    nested = {}
    for name, (values, meaning) in _meanings(section).items():
        field = section.model_fields[name]
        inner = subsection(field)
        if inner == field.annotation and inner is not None:
            nested[f"{prefix}{name}"] = inner
            continue
        default = "" if field.is_required() else f"`{_value(_plain(field.default))}`"
        yield f"| `{prefix}{name}` | {default} | {values} | {meaning} |"
    yield ""
    for name, held in nested.items():
        yield from _tables(name, held, whose)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _first_line(section: type[Section]) -> str:
    return (section.__doc__ or "").partition("\n")[0]


def _meanings(section: type[Section]) -> dict[str, tuple[str, str]]:
    """What values a setting takes, and what it means, by name."""
    schema = section.model_json_schema()["properties"]
    return {
        name: (_values(schema[name]), " ".join((field.description or "").split()))
        for name, field in section.model_fields.items()
    }


def _values(schema: Mapping[str, Any]) -> str:
    """`1 or more, or null`: the values that a JSON schema allows."""
    return ", or ".join(_kind(kind) for kind in schema.get("anyOf", [schema]))


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type"))
    if kind in ("integer", "number"):
        return _limits(schema, whole=kind == "integer")
    if kind == "array":
        items = schema.get("prefixItems", [])
        if items and items[0]["type"] == "number":
            return "[least, greatest]"
        return "[height, width] or one number" if items else "a list"
    return {"boolean": "true, false", "string": "text"}.get(kind, kind)


def _limits(schema: Mapping[str, Any], *, whole: bool) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if whole and above is not None:
        low, above = above + 1, None
    if low is None and above is None:
        return "a whole number" if whole else "a number"
    start = f"above {above:g}" if low is None else f"{low:g}"
    if high is None and below is None:
        return start if low is None else f"{start} or more"
    return f"{start} to {high:g}" if below is None else f"{start} to below {below:g}"
