"""JSON and YAML that others wrote, read within a budget: whatever is wrong is one ValueError.

The parsers themselves end in RecursionError where brackets are nested deeply, in infinities that
no count can be, and YAML's references make gigabytes of a few hundred bytes.
"""

import json
import math
from pathlib import Path
from typing import Any

import yaml

MOST_JSON = 64 << 20  # bytes of a file
MOST_YAML = (
    256 << 10
)  # characters; configs have some hundred, and the parser takes 0.1 s for 10,000
MOST_NODES = 20_000  # keys and values of a YAML text, references counted as what they stand for
_DEEP = "it is nested too deeply"


def read_json(path: Path) -> Any:
    """What a JSON file says; all its numbers are finite.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than 64 MiB, no UTF-8, no JSON, nested too deeply, or holds NaN or
            infinity.
    """
    with path.open("rb") as file:
        content = file.read(MOST_JSON + 1)
    if len(content) > MOST_JSON:
        raise ValueError(f"it is larger than {MOST_JSON >> 20} MiB")
    return parse_json(content)


def parse_json(content: str | bytes, *, finite: bool = True) -> Any:
    """`read_json` of its content, with the same errors; `finite` False lets all numbers pass."""
    number = _finite if finite else float
    try:
        return json.loads(content, parse_constant=number, parse_float=number)
    except RecursionError:
        raise ValueError(_DEEP) from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is no finite number")
    return value


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


def parse_yaml(text: str) -> Any:
    """What a YAML text says.

    Raises:
        ValueError: it is longer than 256 Ki characters, no YAML, has a key twice, is nested too
            deeply, or its references stand for more than 20,000 values or for themselves.
    """
    if len(text) > MOST_YAML:
        raise ValueError(f"it is longer than {MOST_YAML:,} characters")
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _nodes(node, {}) > MOST_NODES:
                raise ValueError(f"its references (*name) stand for over {MOST_NODES:,} values")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, KeyError, IndexError, AttributeError, TypeError) as error:
        # PyYAML's constructors of `!!bool` and the like raise what comes; a key that is a list, too.
        raise ValueError(str(error) or "no value of its type") from error
    except RecursionError:
        raise ValueError(_DEEP) from None


def _nodes(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there would be if every reference were written out."""
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1  # what it is as long as it is inside itself
        inner = [] if isinstance(node, yaml.ScalarNode) else node.value
        parts = (part for item in inner for part in (item if isinstance(item, tuple) else (item,)))
        known[id(node)] = 1 + sum(_nodes(part, known) for part in parts)
    return known[id(node)]
