"""What a stranger types by habit is answered with what to write here."""

import pytest

from img2img.cli import main
from img2img.config import load_config
from img2img.errors import ConfigError
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
    "data.val_fraction=nan training.lr=5 model.weights.adv=-1 training.clip=-inf".split(),
)
def test_numbers_that_make_no_sense_are_refused(setting, capsys):
    assert main(["train", "--model", "pix2pix", "--dry-run", setting]) == 2
    assert f"command line: {setting.partition('=')[0]}: Input should be" in capsys.readouterr().err
