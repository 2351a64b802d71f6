"""JSON lines as kills, full disks and editors leave them."""

import json

import pytest

from img2img.runs.lines import LONGEST, read_lines
from img2img.runs.records import Tracker

DAMAGED = [
    b'{"step": 3, "g/l1"',
    b"\xff\xfe\x00 bad bytes",
    b"[1]",
    b"7",
    b"null",
    b'"step"',
    b'{"step": null}',
    b'{"step": true}',
    b'{"step": -1}',
    b'{"step": NaN}',
    b'{"step": Infinity}',
    b'{"step": "3"}',
    b'{"g/l1": 1}',
    b'{"step": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"step": 3, "long": "' + b"x" * LONGEST + b'"}',
]


@pytest.mark.parametrize("line", DAMAGED, ids=lambda line: repr(line[:24]))
def test_a_damaged_line_is_none(tmp_path, line):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"step": 1}\n\n' + line + b'\r\n{"step": 2, "a": 1}')
    found = [entry for _, entry in read_lines(path)]
    assert found == [{"step": 1}, None, {"step": 2, "a": 1}]


def test_a_resumed_log_counts_what_it_leaves_out(tmp_path, capsys):
    good = [{"step": step, "g/l1": 0.5} for step in (1, 2, 3)]
    text = b"".join(json.dumps(line).encode() + b"\n" for line in good)
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join(DAMAGED) + b"\n" + text)
    (tmp_path / "health.jsonl").write_bytes(b'{"step": 2, "rule": "r", "message": "m"}\n{"st')
    tracker = Tracker(tmp_path, step=2)
    tracker.scalars(3, {"g/l1": 0.25})
    tracker.close()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [*good[:2], {"step": 3, "g/l1": 0.25}]
    assert len((tmp_path / "health.jsonl").read_text().splitlines()) == 1
    said = capsys.readouterr().err
    assert f"metrics.jsonl: {len(DAMAGED)} damaged lines" in said
    assert "health.jsonl: 1 damaged line left out" in said
