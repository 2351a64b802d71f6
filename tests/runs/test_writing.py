"""Files of a run: whole or not at all, readable by whom the umask lets, nothing left over."""

import os

import pytest
import torch

from img2img.errors import CheckpointError
from img2img.runs.checkpoint import save_checkpoint
from img2img.runs.writing import replacing, sweep, write_text


@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_permissions_are_the_umasks(tmp_path, umask, mode):
    former = os.umask(umask)
    try:
        save_checkpoint(tmp_path / "a.safetensors", {"x": torch.zeros(2)}, {})
        write_text(tmp_path / "a.json", "{}")
    finally:
        os.umask(former)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [mode, mode]


def test_what_fails_leaves_the_former_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "former")
    with pytest.raises(UnicodeEncodeError), replacing(path) as new:
        new.write_text("half \ud800", encoding="utf-8")
    assert path.read_text() == "former" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_text(tmp_path / "missing" / "a.txt", "x")


def test_leftovers_are_swept_and_nothing_else(tmp_path):
    for name in (".a.safetensors.tmp", ".b.json.tmp", "a.tmp", ".hidden", "b.safetensors"):
        (tmp_path / name).write_bytes(b"1234")
    assert sweep(tmp_path) == 8
    assert {p.name for p in tmp_path.iterdir()} == {"a.tmp", ".hidden", "b.safetensors"}
