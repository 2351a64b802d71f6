"""`img2img evaluate` on runs that draw their pictures from noise."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from img2img.cli import main
from img2img.evaluation import drawn
from img2img.evaluation.drawn import evaluate_drawn
from img2img.inference.painter import Painter
from img2img.metrics.classified import classify
from img2img.training.classifier import train_classifier

SIDE, COUNT = 8, 60
TINY = [
    *("--data", "squares.csv", "--device", "cpu", "--max-steps", "4"),
    *("model.width=4", "model.d_width=4", "training.batch_size=4", "training.workers=0"),
    *("training.log_every=1", "training.validate_every=2", "data.flip=false"),
]


@pytest.fixture(autouse=True)
def squares(tmp_path, monkeypatch):
    """Pictures of three classes: the higher, the larger the bright square; no network to fetch from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(drawn, "COUNT", COUNT)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(COUNT):
        image = rng.integers(0, 30, (SIDE, SIDE))
        image[: 2 + 2 * (number % 3), : 2 + 2 * (number % 3)] = 220
        rows.append(",".join(map(str, [*image.ravel(), number % 3])))
    Path("squares.csv").write_text("\n".join(rows))


def evaluated(run):
    return json.loads(Path(f"runs/{run}/evaluation/evaluation.json").read_text())


def test_a_conditional_run(capsys):
    assert main(["train", "--model", "cgan", "--run", "c", *TINY]) == 0
    assert main(["evaluate", "--run", "c", "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "60 drawn pictures" in out and "not computed: fid, kid, precision, recall" in out
    found = evaluated("c")
    assert set(found["scores"]) == {"accuracy", "frechet", "modes", "even"}
    score = found["scores"]["accuracy"]
    assert score["low"] <= score["value"] <= score["high"] and score["count"] == COUNT
    assert "on the 12 others" in found["protocol"]["classifier"]["accuracy"]
    page = Path("runs/c/evaluation/index.html").read_text()
    for text in ("Samples over time", "Generator losses", "Share of verdicts", "step 2", "step 4"):
        assert text in page


def test_accuracy_is_that_of_the_classifier():
    """By hand: the same pictures, before the same classifier."""
    assert main(["train", "--model", "acgan", "--run", "a", *TINY]) == 0
    painter = Painter.load("a", device="cpu")
    found = evaluate_drawn(painter, "a", {}, data=None, limit=50, seed=3, inception=None)
    latents = painter.latents.draw(50, generator=torch.Generator().manual_seed(3))
    pixels = torch.tensor(
        np.loadtxt("squares.csv", delimiter=",")[[i * 60 // 50 for i in range(50)]]
    )
    real, classes = pixels[:, :-1].view(50, 1, SIDE, SIDE).float() / 127.5 - 1, pixels[:, -1].long()
    learnt = torch.arange(50) % 5 != 4
    network = train_classifier(real[learnt], classes[learnt], classes=3)
    predicted, _ = classify(network, painter.render(latents))
    expected = float((predicted == latents["class"]).double().mean())
    assert found.scores["accuracy"].value == pytest.approx(expected)
    assert found.scores["modes"].value == len(predicted.unique())


def test_a_run_with_codes_and_one_without_classes(capsys):
    assert main(["train", "--model", "infogan", "--run", "i", *TINY, "model.categories=3"]) == 0
    assert main(["evaluate", "--run", "i", "--device", "cpu"]) == 0
    assert 0 <= evaluated("i")["scores"]["code_accuracy"]["value"] <= 1
    Path("pictures").mkdir()
    for number in range(12):
        Image.new("L", (SIDE, SIDE), 20 * number).save(f"pictures/{number}.png")
    plain = ["--model", "dcgan", "--run", "d", *TINY, "data.path=pictures"]
    assert main(["train", *plain]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--run", "d", "--device", "cpu"]) == 2
    said = capsys.readouterr()
    assert "the pictures have no classes" in said.out and "nothing could be scored" in said.err
    assert "Samples over time" in Path("runs/d/evaluation/index.html").read_text()


def test_pictures_of_another_tool_are_no_pairs(capsys):
    assert main(["train", "--model", "gan", "--run", "g", *TINY]) == 0
    assert main(["evaluate", "--run", "g", "--against", "."]) == 2
    assert "the run draws from noise" in capsys.readouterr().err
    assert not Path("runs/g/evaluation").exists()
