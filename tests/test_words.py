"""What a stranger types by habit is answered with what to write here."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2img.cli import main
from img2img.config import load_config
from img2img.errors import ConfigError, nearest
from img2img.habits import _NAMES
from img2img.models import OPTIONS
from img2img.schema import Config, walk


@pytest.mark.parametrize(
    ("given", "write"),
    [
        ("--lr 0.001", "training.lr=0.001"),
        ("--learning_rate=1e-4", "training.lr=1e-4"),
        ("--batch-size 4", "training.batch_size=4"),
        ("--batchSize 4", "training.batch_size=4"),
        ("--epochs 20 --model pix2pix", "training.epochs=20"),
        ("--momentum 0.5", "training.momentum=0.5"),  # a setting's own name
        ("--lambda_L1 10", "model.weights.l1=10"),
        ("--no_flip", "data.flip=false"),
        ("--dataroot d", "--data d"),
        ("--name x", "--run x"),
        ("--gpu_ids 0", "--device cuda"),
        ("--continue_train", "--resume"),
        ("--iterations 9", "--max-steps 9"),
    ],
)
def test_flags_of_other_tools_are_answered(given, write, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", *given.split()])
    said = capsys.readouterr().err
    flag = given.replace("=", " ").split()[0]
    assert said == f"error: {flag} is no flag of img2img train; write {write}\n"


def test_every_unknown_flag_is_answered(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--lr", "1", "--seeed", "3", "--zzz"])
    lines = capsys.readouterr().err.splitlines()
    assert "write training.lr=1" in lines[0] and "did you mean --seed?" in lines[1]
    assert "--zzz is no flag of img2img train; img2img train --help lists" in lines[2]


@pytest.mark.parametrize(
    ("command", "write"),
    [
        ("translate x.png --output o", "--out o"),
        ("translate x.png --which_epoch latest", "--checkpoint latest"),
        ("check-data d --ignore-index 255", "--ignore-id 255"),
        ("check-data d --crop_size 64", "data.crop=64"),
        ("evaluate --name r", "--run r"),
    ],
)
def test_commands_name_what_they_have(command, write, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(command.split())
    assert f"; write {write}\n" in capsys.readouterr().err


def test_every_answer_is_a_flag_or_a_setting(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    with pytest.raises(SystemExit):
        main(["translate", "--help"])
    helped = capsys.readouterr().out
    models = [f"model.{path}" for own in OPTIONS.values() for path in walk(own)]
    known = {*walk(Config), *models}
    for target in _NAMES:
        name = target.partition("=")[0].partition(" ")[0]
        assert name in known or f"{name} " in helped, target


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("training.learning_rate", "training.lr"),
        ("learning_rate", "training.lr"),
        ("training.num_workers", "training.workers"),
        ("data.image_size", "data.resize"),
        ("model.ngf", "model.width"),
    ],
)
def test_settings_of_other_tools_are_answered(key, meant):
    with pytest.raises(ConfigError, match=f"did you mean '{meant}'"):
        load_config(OPTIONS, overrides={"model": "pix2pix", key: 1})


@pytest.mark.parametrize(
    "setting",
    "training.lr=inf training.d_lr=nan model.weights.l1=nan training.max_time=.inf "
    "data.val_fraction=nan training.lr=-5 model.weights.adv=-1 training.clip=-inf".split(),
)
def test_numbers_that_make_no_sense_are_refused(setting, capsys):
    assert main(["train", "--model", "pix2pix", "--dry-run", setting]) == 2
    assert f"command line: {setting.partition('=')[0]}: Input should be" in capsys.readouterr().err


# ---------------------------------------------------------------- configs by name


def test_configs_are_found_by_name_and_misspelt_ones_are_answered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "facades").mkdir()  # the data may be called so
    for name in ("facades", "facades.yaml", "configs/facades.yaml"):
        assert main(["train", "--config", name, "--print-config"]) == 0
        assert capsys.readouterr().out.startswith("# Settings of pix2pix.")
    assert main(["train", "--config", "facade"]) == 2
    assert "did you mean 'facades'?" in capsys.readouterr().err
    (tmp_path / "demo").write_text("model: dcgan\n")  # a file of one's own goes first
    assert main(["train", "--config", "demo", "--print-config"]) == 0
    assert capsys.readouterr().out.startswith("# Settings of DCGAN")


@pytest.mark.slow
def test_an_installed_package_finds_its_configs(tmp_path):
    pytest.importorskip("setuptools")
    root, copy = Path(__file__).resolve().parents[1], tmp_path / "copy"
    copy.mkdir()
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, copy)
    for name in ("img2img", "configs"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools import build_meta; build_meta.build_wheel('..')"
    subprocess.run([sys.executable, "-c", build], cwd=copy, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
    installed = sorted(p.name for p in (tmp_path / "site/img2img/configs").iterdir())
    assert installed == sorted(p.name for p in (root / "configs").iterdir())
    (tmp_path / "fresh").mkdir()
    code = "import sys, img2img; from img2img.cli import main; print(img2img.__file__); "
    code += "sys.exit(main(['train', '--config', 'facades', '--print-config']))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "fresh",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    where, first = result.stdout.splitlines()[:2]
    assert where.startswith(str(tmp_path / "site")) and first == "# Settings of pix2pix."


# ---------------------------------------------------------------- resuming


TINY = (
    "--device=cpu model.width=4 model.d_width=4 model.patch=16 training.workers=0 "
    "training.lpips_weights=none"
).split()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("--model=pix2pixHD", "model.name (was 'pix2pix', now 'pix2pixHD')"),
        ("data.resize=[16,32]", "data.resize (was None, now [16, 32])"),
        ("data.resize_width=16", "data.resize_width (was 32, now 16)"),
    ],
)
def test_what_resuming_cannot_change_is_said(tmp_path, monkeypatch, capsys, change, said):
    monkeypatch.chdir(tmp_path)
    scenes = "data.scene_size=[32,64] data.scenes=2 data.val_scenes=1 data.resize_width=32".split()
    assert main(["train", "--model=pix2pix", "--run=a", "--max-steps=1", *scenes, *TINY]) == 0
    capsys.readouterr()
    assert main(["train", "--resume", "a", change]) == 2
    assert f"error: --resume cannot change {said}: the rest of" in capsys.readouterr().err


# ---------------------------------------------------------------- folders


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Makes pairs of 32x32 under names of folders."""
    monkeypatch.chdir(tmp_path)

    def make(photos, labels):
        for number in range(4):
            pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), np.uint8)
            blocks = np.repeat(np.repeat(pixels[:4, :4, 0] // 128, 8, 0), 8, 1)
            for name, array in ((photos, pixels), (labels, blocks)):
                Path("d", name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(Path("d", name, f"{number}.png"))

    return make


def dry_run(*settings):
    return main(["train", "--model=pix2pix", "--data=d", "--dry-run", *TINY, *settings])


def test_folders_of_other_names_are_told_which_count_and_what_to_set(folder, capsys):
    folder("shots", "masks")
    assert dry_run() == 2
    said = capsys.readouterr().err
    assert "images/ (or image, img, imgs, photo, photos), labels/ (or label, mask, masks)" in said
    settings = ["data.target=shots", "data.inputs=[{name: label, kind: labels, folder: masks}]"]
    assert f"by adding: {settings[0]} '{settings[1]}'" in said
    assert main(["check-data", "d", *settings, "--out", "report"]) == 0  # what was said works
    assert "as the input is a guess" not in said
    assert dry_run(*settings) == 0
    assert "label (labels) from masks/ -> target shots from shots/" in capsys.readouterr().out


def test_a_folder_with_a_list_of_pairs_names_it(folder, capsys):
    folder("pics", "maps")
    rows = [f"maps/{number}.png;pics/{number}.png" for number in range(4)]
    Path("d/pairs.csv").write_text("\n".join(["label;image", *rows]))
    Path("d/colours.csv").write_text("name,r,g,b\nroad,1,2,3\n")
    for wanted in ("auto", "csv"):
        assert dry_run(f"data.layout={wanted}") == 2
        said = capsys.readouterr().err
        assert "d: pairs.csv in it lists pairs; name the file: --data d/pairs.csv" in said
    assert main(["train", "--model=pix2pix", "--data=d/pairs.csv", "--dry-run", *TINY]) == 0


@pytest.mark.parametrize(
    ("settings", "doubtful"),
    [
        (["data.crop=48"], "[48,48] (height, width) is larger than 4 of 4 pairs"),
        (["data.crop=[16,40]"], "such as data.crop=[16,32]"),
        (["data.crop=32"], ""),
        (["data.crop=40", "data.jitter=0.25"], ""),  # enlarged to 40 first
        (["data.crop=48", "data.resize=64"], ""),
    ],
)
def test_crops_that_are_larger_than_the_pictures_are_warned_of(folder, capsys, settings, doubtful):
    folder("images", "labels")
    assert dry_run(*settings) == 0
    said = capsys.readouterr().out
    assert ("WARNING: data.crop" in said) is bool(doubtful) and doubtful in said


def test_a_direction_without_effect_is_not_in_the_command_to_paste(folder, capsys):
    folder("images", "labels")
    main(["check-data", "d", "--direction", "BtoA"])
    said = capsys.readouterr().out
    assert "data.direction=BtoA has no effect" in said
    assert "settings: img2img train --model pix2pixHD --data d\n" in said


def test_data_without_their_flag_are_answered(folder, capsys):
    folder("images", "labels")
    assert main(["train", "--model=pix2pix", "d"]) == 2
    assert "(the data are --data d)" in capsys.readouterr().err


def test_numbers_are_no_slips_for_other_numbers():
    assert nearest("12", map(str, range(11))) == "valid: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
    assert nearest("12", map(str, range(100))).endswith("38, 39, ... and 60 more")
    assert nearest("catt", ["cat", "dog"]) == "did you mean 'cat'?"
