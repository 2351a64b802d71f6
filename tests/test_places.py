"""Paths with `~`, users without a home folder, and names that are no text."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2img.cli import main
from img2img.data.spec import DataSpec, PartSpec
from img2img.data.walking import Others
from img2img.errors import DataError
from img2img.fields import Image as ImageField
from img2img.fields.image import ImageSpec
from img2img.inference.planning import plan
from img2img.places import cache_folder, expand

TINY = (
    "--model=pix2pix --device=cpu --max-steps=1 model.width=4 model.d_width=4 model.patch=16 "
    "training.workers=0"
).split()


def pairs(root, names=("0", "1", "2", "3")):
    for number, name in enumerate(names):
        for side in ("A", "B"):
            folder = root / side
            folder.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "new.png")
            os.rename(folder / "new.png", folder / f"{name}.png")


def test_home_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert expand("~/x") == tmp_path / "x" and expand("a/~b") == Path("a/~b")
    assert cache_folder() == tmp_path / ".cache"
    monkeypatch.setenv("XDG_CACHE_HOME", "~/elsewhere")  # no absolute path: means nothing
    assert cache_folder() == tmp_path / ".cache"
    with pytest.raises(DataError, match="there is no user 'nobody-of-that-name' here; write the"):
        expand("~nobody-of-that-name/x")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check-data", "~nobody-of-that-name/d", "--out", "x"],
        ["check-data", "d", "--out", "~nobody-of-that-name/d"],
        ["train", "--data", "~nobody-of-that-name/d", *TINY],
        ["train", "--run", "~nobody-of-that-name/r", *TINY],
        ["train", "training.init_from=~nobody-of-that-name/r", "data.scenes=2", *TINY],
        ["evaluate", "--fake", "~nobody-of-that-name/f", "--real", "d/A"],
    ],
)
def test_users_that_are_not_there_are_named(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    pairs(tmp_path / "d")
    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    assert code == 2 and "there is no user 'nobody-of-that-name'" in said.err + said.out
    assert not [name for name in os.listdir() if name.startswith("~")]


NO_HOME = """
import pwd, sys
def absent(*_): raise KeyError("uid not found")
pwd.getpwuid = absent
from img2img.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="users of POSIX")
def test_without_a_home_folder_nothing_is_written_into_a_folder_of_that_name(tmp_path):
    pairs(tmp_path / "d")
    hidden = ("HOME", "XDG_CACHE_HOME", "TORCH_HOME")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    result = subprocess.run(
        [sys.executable, "-c", NO_HOME, "train", "--data=d", "--run=r", *TINY],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert sorted(os.listdir(tmp_path)) == ["d", "runs"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names there are text")
def test_names_that_are_no_text_pass_all_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    strange = os.fsdecode(b"z\xdfe")
    pairs(tmp_path / "d", ("0", "1", strange + "1", strange + "2"))
    assert main(["train", "--data=d", "--run=r", *TINY, "--val-fraction=0.5"]) == 0
    assert main(["check-data", "d"]) == 0
    assert main(["translate", "d/A", "--run=r", "--device=cpu", "--out=o", "--sheet=s.png"]) == 0
    assert Path("o", f"{strange}1.png").is_file()
    assert main(["evaluate", "--run=r", "--device=cpu"]) == 0
    assert main(["evaluate", "--fake=o", "--real=d/B", "--device=cpu", "--out=e"]) == 0
    assert "z\\xdfe" in Path("data_check/index.html").read_text() + capsys.readouterr().out


def test_translate_walks_as_training_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spec = DataSpec(
        inputs=(ImageField(name="A", part="A", image=ImageSpec()),),
        target_part="B",
        parts=(PartSpec(name="A", folder="A"), PartSpec(name="B", folder="B")),
    )
    for name in ("in/0.png", "in/.ipynb_checkpoints/0.png", "in/._0.png", "in/.Trash/1.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")
    Path("in/notes.TXT").touch()
    Path("store").mkdir()
    Path("store/2.GIF").touch()
    Path("in/linked").symlink_to(tmp_path / "store")
    Path("store/round").symlink_to(tmp_path / "in")
    for given in ("in", "in/**/*"):
        others = Others()
        jobs = plan([given], None, spec, others=others)
        assert [str(job.path) for job in jobs] == ["in/0.png", "in/linked/2.GIF"]
        assert str(jobs[1].out) == "translated/linked/2.png" and others == {".txt": 1}
    Path("only").mkdir()
    Path("only/a.heic").touch()
    with pytest.raises(DataError, match=r"no pictures in this folder \(1 file of other kinds"):
        plan(["only"], None, spec)
