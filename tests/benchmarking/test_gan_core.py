"""The study of the models without pairs: values by hand, and the whole way at a tiny size."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarking.gans.experiments import EXPERIMENTS, Budget, arguments
from benchmarking.gans.material import draw_things, split_digits
from benchmarking.gans.page import write_page
from benchmarking.gans.running import run_all
from PIL import Image

from img2img.cli.train import parse
from img2img.config import load_config, parse_overrides
from img2img.data.pictures.arrays import read_csv_pictures
from img2img.errors import TrainingError
from img2img.evaluation.judges.classifier import code_accuracy
from img2img.models import MODELS, OPTIONS

TOOL = Path(__file__).resolve().parents[2] / "tools" / "gan_core.py"
SIDE = 8
PLACES = [
    "setup",
    "digits",
    "digits pictures",
    "codes",
    "few",
    "things",
    "things pictures",
    "commands",
    "ring",
    "grid",
]


def write_digits(path, count=40):
    """Pictures of two classes: a bright square in the one corner or in the other."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        image = rng.integers(0, 30, (SIDE, SIDE))
        part = slice(0, 4) if number % 2 else slice(4, 8)
        image[part, part] = 220
        rows.append(",".join(map(str, [*image.ravel(), number % 2])))
    path.write_text("\n".join(rows))


def write_places(path):
    path.parent.mkdir()
    path.write_text("".join(f"<!-- {name} -->\n<!-- end -->\n" for name in PLACES))


def test_codes_are_named_after_their_commonest_class():
    known = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([7, 7, 3, 3, 3, 7])
    # Code 0 stands for 7, 1 for 3, 2 for 7; nothing is known of 3.
    asked = torch.tensor([0, 0, 1, 2, 3]), torch.tensor([7, 3, 3, 7, 0])
    assert code_accuracy(known, asked) == pytest.approx(3 / 5)
    assert code_accuracy(known, known) == pytest.approx(5 / 6)


def test_every_fifth_of_a_class_is_held_out(tmp_path):
    write_digits(tmp_path / "digits.csv")
    found = split_digits(tmp_path / "digits.csv", tmp_path / "out")
    images, labels = read_csv_pictures(tmp_path / "digits.csv")
    held = [n for n in range(40) if n // 2 % 5 == 4]
    assert found.held_out.classes.tolist() == labels[held].tolist()
    expected = torch.from_numpy(images[held])[:, None] / 127.5 - 1
    assert torch.allclose(found.held_out.images, expected, atol=1e-6)
    assert len(found.train.images) == 32
    trained_on, _ = read_csv_pictures(Path(found.arguments[1]))
    assert np.array_equal(trained_on, np.delete(images, held, axis=0))


def test_held_out_things_are_others():
    found = draw_things(60, 60)
    assert found.train.names == found.held_out.names == ("car", "person", "sign", "tree")
    pairs = torch.cdist(found.train.images.flatten(1), found.held_out.images.flatten(1))
    assert pairs.min() > 0


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("full", [False, True])
def test_experiments_are_trainings_that_train_takes(name, full):
    given = arguments(name, Budget(100, full=full), Path("x/run"), ["data.flip=false"], "cpu")
    flags = parse(given[1:])
    config = load_config(
        OPTIONS, overrides={"model": flags.model} | parse_overrides(flags.overrides)
    )
    longer = config.model.name == "acgan" or getattr(config.model, "critic_steps", 1) > 1
    assert config.training.steps == (200 if longer else 100) and config.training.decay_steps == 0
    preset = load_config(OPTIONS, overrides={"model": flags.model})
    own = EXPERIMENTS[name].settings.get("model.width", preset.model.width)
    assert config.model.width == (own if full or config.model.name == "gan" else 32)


def test_every_model_learns_digits_and_things():
    learnt = {data: set() for data in ("digits", "things")}
    for experiment in EXPERIMENTS.values():
        learnt[experiment.data].add(experiment.model)
    drawing = {name for name, model in MODELS.items() if model.task == "generative"}
    assert learnt == {"digits": drawing, "things": drawing}


def test_page_by_hand(tmp_path):
    results = {
        "command": "python tools/gan_core.py --data d.csv",
        "machine": {"processor": "P", "cores": "2", "python": "3.11", "torch": "2.15"},
        "budget": {"steps": 1500, "minutes": None, "full": False},
        "count": 2000,
        "real": {
            "digits": {
                "train": 4000, "held_out": 1000, "accuracy": 0.983, "frechet": 0.284, "modes": 10,
                "even": 9.93,
            }
        },
        "mixtures": {
            "ring": {
                "command": "python tools/gan_core.py --mixtures", "steps": 4000, "seeds": 2,
                "machine": {"processor": "Q", "cores": "1", "python": "3.11", "torch": "2.15"},
                "kinds": {"gan": {"modes": [3, 4], "high_quality": [0.5, 0.255], "even": [3, 2.94]}},
            }
        },
        "models": {
            "infogan": {
                "what": "codes", "data": "digits", "steps": 1500, "seconds": 90.0,
                "arguments": ["train", "--run", "/a/place/infogan", "model.width=4"],
                "scores": {
                    "frechet": 5.777, "modes": 9, "even": 8.9, "code_accuracy": 0.5,
                    "code_accuracy_real": 0.25,
                },
            },
            "semi_supervised": {
                "what": "few", "data": "digits", "steps": 1500, "seconds": 60.0,
                "arguments": ["train", "model.width=4"],
                "scores": {
                    "frechet": 4.0, "modes": 9, "even": 8.9, "told_few": 0.75, "told_few_alone": 0.5,
                },
            },
        },
    }  # fmt: skip
    page, out = tmp_path / "docs" / "page.md", tmp_path / "out"
    write_places(page)
    (out / "grids").mkdir(parents=True)
    for name in ("infogan", "semi_supervised", "ring"):
        Image.new("RGB", (4, 4)).save(out / "grids" / f"{name}.png")
    for _ in range(2):  # what was there is replaced
        write_page(page, results, out)
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1] == (
        "| *real* | 4,000 to learn from, 1,000 held out |  |  | 98.3% | 0.28 | 10 | 9.93 |"
    )
    assert rows[2] == "| `infogan` | codes | 1,500 | 1.5 min |  | 5.78 | 9 | 8.90 |"
    assert "| `gan` | 3, 4 | 50%, 26% | 3.0, 2.9 |" in rows
    assert "On Q, 1 core; Python 3.11, torch 2.15; 4,000 steps of the generator; 2 seeds." in text
    assert "On P, 2 cores; Python 3.11, torch 2.15. Each training: 1,500 steps, narrow" in text
    assert "`infogan`: 50.0% of its own pictures, 25.0% of the held-out real ones" in text
    assert "`semi_supervised`: 75.0%; told of these alone, the judge's network: 50.0%" in text
    assert "    img2img train --run infogan model.width=4\n" in text and "/a/place" not in text
    assert "![infogan](images/gan-core/infogan.png)" in text
    assert (page.parent / "images" / "gan-core" / "infogan.png").is_file()


@pytest.mark.slow
def test_the_whole_way(tmp_path):
    write_digits(tmp_path / "digits.csv")
    page, out = tmp_path / "docs" / "page.md", tmp_path / "out"
    write_places(page)
    command = [
        sys.executable, TOOL, "--data", tmp_path / "digits.csv", "--out", out, "--smoke", "--jobs",
        "2", "--page", page, "--models", "infogan",
        "semi_supervised", "cgan_things",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    results = json.loads((out / "results.json").read_text())
    assert list(results["models"]) == ["infogan", "semi_supervised", "cgan_things"]
    assert results["real"]["digits"]["train"] == 32 and results["models"]["infogan"]["steps"] == 3
    shown = {
        "infogan": "code_accuracy_real",
        "semi_supervised": "told_few",
        "cgan_things": "accuracy",
    }
    for name, key in shown.items():
        value = results["models"][name]["scores"][key]
        assert 0 <= value <= 1 and f"{value:.1%}" in page.read_text()
    # Two codes and ten categories with their captions; four classes of things.
    assert Image.open(out / "grids" / "infogan.png").height > 12 * SIDE * 8
    assert str(tmp_path) not in page.read_text()
    # What is done is not done again.
    again = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert again.returncode == 0 and "steps in" not in again.stdout


@pytest.mark.slow
def test_mistakes_are_told_in_one_line(tmp_path):
    def said(*arguments):
        command = [sys.executable, TOOL, "--out", tmp_path / "out", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        return done.stderr

    assert "did you mean 'acgan'?" in said("--models", "acgn")
    assert "--data is missing" in said("--models", "gan")
    assert "there are no results" in said("--only-page")


@pytest.mark.slow
def test_a_failed_training_is_told_and_the_others_end(tmp_path):
    commands = {"wrong": ["train", "--model", "none"], "right": ["--version"]}
    ended = []

    def run():
        for name, seconds in run_all(commands, tmp_path / "logs", 1):
            ended.append((name, seconds > 0))

    with pytest.raises(TrainingError, match=r"wrong failed; the log of wrong ends:\n.*none"):
        run()
    assert ended == [("right", True)]
    assert "img2img 0" in (tmp_path / "logs" / "right.log").read_text()


@pytest.mark.slow
def test_the_plane_at_a_tiny_size(tmp_path):
    page, out = tmp_path / "docs" / "page.md", tmp_path / "out"
    write_places(page)
    command = [
        sys.executable,
        TOOL,
        "--mixtures",
        "--smoke",
        "--jobs",
        "2",
        "--out",
        out,
        "--page",
        page,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    results = json.loads((out / "results.json").read_text())["mixtures"]
    assert set(results) == {"ring", "grid"} and len(results["ring"]["kinds"]) == 7
    assert page.read_text().count("| `unrolled` | ") == 2
    assert Image.open(out / "grids" / "grid.png").width > 7 * 170
