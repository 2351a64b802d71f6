"""The command line: help, wrong use, and the whole way as a stranger walks it."""

import subprocess
import sys
from pathlib import Path

import pytest

from img2img.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[1]


def test_help_names_all_models():
    from img2img.cli.train import NAMES
    from img2img.models import MODELS

    assert list(MODELS) == NAMES


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    assert f"img2img {command}" in capsys.readouterr().out


def test_wrong_use(capsys):
    assert main(["trian"]) == 2
    assert "did you mean 'train'?" in capsys.readouterr().err
    assert main([]) == 2
    assert main(["--version"]) == 0
    with pytest.raises(SystemExit) as exit_:
        main(["translate"])
    assert exit_.value.code == 2


def test_print_config_is_yaml_that_trains(capsys, tmp_path):
    assert main(["train", "--model", "pix2pixHD", "--print-config", "training.lr=1e-4"]) == 0
    text = capsys.readouterr().out
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert main(["train", "--config", str(path), "--print-config"]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--model", "pix3pix"], "did you mean 'pix2pix'?"),
        (["--model", "pix2pixhd"], "did you mean 'pix2pixHD'?"),
        ([], "give --model NAME, one of pix2pix, pix2pixHD"),
        (["--model", "pix2pix", "training.epoch=3"], "did you mean 'epochs'?"),
        (["--model", "pix2pix", "--data", "nowhere"], "nowhere"),
        (["--model", "pix2pix", "--precision", "fp8"], "training.precision"),
        (["--model", "pix2pix", "--device", "abacus"], "not available"),
        (["--model", "pix2pixHD", "model.vgg=vgg19"], "--vgg-weights"),
        (["--model", "pix2pixHD", "--vgg-weights", "gone.pth"], "no such weight file"),
    ],
)
def test_mistakes_are_one_message_and_leave_nothing(
    arguments, expected, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no network: connections are refused
    assert main(["train", *arguments, "data.scene_size=64", "model.width=4"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and expected in message
    assert not (tmp_path / "runs").exists()


def test_tools_run_from_anywhere(tmp_path):
    for script in ("train.py", "translate.py", "evaluate.py", "import_weights.py"):
        result = subprocess.run(
            [sys.executable, ROOT / "tools" / script, "--help"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0 and "usage: img2img" in result.stdout


def test_missing_vgg_is_said_loudly_recorded_and_trained_without(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no network: connections are refused
    tiny = ["data.scene_size=32", "data.scenes=2", "data.val_scenes=1", "model.width=4"]
    tiny += ["model.n_down=2", "model.n_blocks=1", "model.d_width=4", "training.workers=0"]
    arguments = ["--model", "pix2pixHD", "--run", "a", "--max-steps", "1", "--device", "cpu"]
    assert main(["train", *arguments, *tiny]) == 0
    out, err = capsys.readouterr()
    assert out.count("PERCEPTUAL LOSS OFF") == 1 and "refused" in out
    assert "ownload" not in err  # nobody was told of a download that could not begin
    from img2img.runs.folder import last_checkpoint

    remarks = last_checkpoint(tmp_path / "runs/a").meta["remarks"]
    assert any("PERCEPTUAL LOSS OFF" in remark for remark in remarks)
    assert "perceptual" not in (tmp_path / "runs/a/metrics.jsonl").read_text()


@pytest.mark.shared_data
def test_stand_in_vgg_trains(shared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = shared / "data/weights/vgg16_features.safetensors"
    tiny = ["data.scene_size=32", "data.scenes=2", "data.val_scenes=1", "model.width=4"]
    tiny += ["model.n_down=2", "model.n_blocks=1", "model.d_width=4", "training.workers=0"]
    arguments = ["--model", "pix2pixHD", "--run", "a", "--max-steps", "1", "--device", "cpu"]
    assert main(["train", *arguments, *tiny, "--vgg-weights", str(weights)]) == 0
    text = (tmp_path / "runs/a/metrics.jsonl").read_text()
    assert "g/perceptual" in text and "val/lpips" in text
