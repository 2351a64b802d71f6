"""JSON and YAML as attackers and accidents write them: a value, or one ValueError at once."""

import json
import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from img2img.cli import main
from img2img.config import read_yaml
from img2img.errors import ConfigError
from img2img.foreign import MOST_JSON, MOST_YAML, parse_json, parse_yaml, read_json

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXT | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_yaml(yaml.safe_dump(value, allow_unicode=True)) == value


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        "NaN",
        "[1, -Infinity]",
        "1e999",
        "9" * 5000,
        "",
        "{",
        "\ud800",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_json(text, tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match=r"\w"):
        read_json(path)


def test_numbers_of_logs_need_not_be_finite():
    assert math.isnan(parse_json("NaN", finite=False))
    assert parse_json('{"best": 1e999}', finite=False) == {"best": math.inf}


def test_a_file_of_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(8 << 30)  # takes no room on the disk
    with pytest.raises(ValueError, match=f"larger than {MOST_JSON >> 20} MiB"):
        read_json(path)
    with pytest.raises(ConfigError, match="longer than"):
        read_yaml(path)


@pytest.mark.parametrize(
    "text, why",
    [
        (LAUGHS, "over 20,000 values"),
        ("a: &a [*a]", "over 20,000 values"),
        ("a: &a {b: *a}", "over 20,000 values"),
        ("[" * 20_000, "nested too deeply"),
        ("{a: " * 20_000, "nested too deeply"),
        ("- " * 20_000, "nested too deeply"),
        ("x" * (MOST_YAML + 1), "longer than"),
        ("a: 1\na: 2", "given twice"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: *b", "undefined alias"),
        ("a: !!bool x", "x"),
        ("a: !!timestamp x", "."),
        ("a: !!int ''", "."),
        ("? [a]\n: b", "unhashable"),
        ("a: " + "9" * 5000, "digit"),
    ],
    ids=lambda text: repr(text[:16]),
)
def test_yaml(text, why, tmp_path, capsys):
    with pytest.raises(ValueError, match=why):
        parse_yaml(text)
    path = tmp_path / "x.yaml"
    path.write_text(text)
    assert main(["train", "--config", str(path), "--dry-run"]) == 2
    said = capsys.readouterr().err
    assert "x.yaml" in said and len(said) < 2000


def test_references_are_welcome():
    assert parse_yaml("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}") == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 1, "y": 2},
    }


def test_messages_quote_a_little(tmp_path, capsys):
    path = tmp_path / "x.yaml"
    path.write_text(f"model: dcgan\ntraining: {{lr: [{', '.join('x' * 9 for _ in range(9000))}]}}")
    assert main(["train", "--config", str(path), "--dry-run"]) == 2
    assert len(capsys.readouterr().err) < 1000
