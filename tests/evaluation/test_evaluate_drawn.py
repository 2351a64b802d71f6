"""`img2img evaluate` on runs that draw their pictures from noise."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from img2img.cli import main
from img2img.data.pictures.describe import describe_pictures
from img2img.data.pictures.stacked import Stacked, every_fifth, stack_pictures
from img2img.data.sheets import SEAM
from img2img.evaluation import drawn
from img2img.evaluation.drawn import DrawnEvaluator, draw_gallery
from img2img.evaluation.instruments import Options
from img2img.evaluation.judges.classifier import classify, train_classifier
from img2img.inference.sampler import LatentSampler
from img2img.schema import DataConfig

SIDE, COUNT = 8, 60
SETS = "classifier Fréchet distance, modes, effective number of classes"
judge = partial(train_classifier, steps=80)  # enough for squares
TINY = [
    *("--data", "squares.csv", "--device", "cpu", "--max-steps", "4"),
    *("model.width=4", "model.d_width=4", "training.batch_size=4", "training.workers=0"),
    *("training.log_every=1", "training.validate_every=2", "data.flip=false"),
]


@pytest.fixture(autouse=True)
def squares(tmp_path, monkeypatch):
    """Pictures of three classes: the higher, the larger and brighter the square; no network to fetch from."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr(drawn, "COUNT", COUNT)
    monkeypatch.setattr(drawn, "train_classifier", judge)
    write_squares("squares.csv", side=SIDE, classes=3)


def write_squares(path, *, side, classes):
    rng = np.random.default_rng(0)
    rows = []
    for number in range(COUNT):
        kind = number % classes
        image = rng.integers(0, 30, (side, side))
        image[: 2 + 2 * kind, : 2 + 2 * kind] = 80 + 80 * kind
        rows.append(",".join(map(str, [*image.ravel(), kind])))
    Path(path).write_text("\n".join(rows))


def evaluated(run):
    return json.loads(Path(f"runs/{run}/evaluation/evaluation.json").read_text())


def test_a_conditional_run(capsys):
    settings = [*TINY, "training.lr=0.1", "training.seed=7"]
    assert main(["train", "--model", "cgan", "--run", "c", *settings]) == 0
    assert main(["evaluate", "--run", "c", "--device", "cpu"]) == 0
    assert_gallery_goes_on_from_samples("c", rows=3, seed=7)
    out = capsys.readouterr().out
    assert "60 drawn pictures" in out and "not computed: fid, kid, precision, recall" in out
    found = evaluated("c")
    assert set(found["scores"]) == {"accuracy", "frechet", "modes", "even"}
    score = found["scores"]["accuracy"]
    assert score["low"] <= score["value"] <= score["high"] and score["count"] == COUNT
    assert "on the 12 others" in found["protocol"]["classifier"]["accuracy"]
    yardstick = float(found["protocol"]["classifier"]["frechet"].rpartition(" ")[2])
    assert 0 <= yardstick < found["scores"]["frechet"]["value"]
    page = Path("runs/c/evaluation/index.html").read_text()
    for text in ("Samples over time", "Generator losses", "Share of verdicts", "step 2", "step 4"):
        assert text in page


def test_accuracy_is_that_of_the_classifier(tmp_path):
    """By hand: the same pictures, before the same classifier."""
    assert main(["train", "--model", "acgan", "--run", "a", *TINY]) == 0
    sampler = LatentSampler.load("a", device="cpu")
    evaluator = DrawnEvaluator("a", Options(limit=COUNT, seed=3, device="cpu"))
    found = evaluator.evaluate(tmp_path / "e", evaluator.gather(tmp_path)).evaluation
    latents = sampler.latents.draw(COUNT, generator=torch.Generator().manual_seed(3))
    pixels = torch.tensor(np.loadtxt("squares.csv", delimiter=","))
    real = pixels[:, :-1].view(COUNT, 1, SIDE, SIDE).float() / 127.5 - 1
    classes = pixels[:, -1].long()
    learnt = torch.arange(COUNT) // 3 % 5 != 4  # the classes take turns
    network = judge(real[learnt], classes[learnt], classes=3)
    predicted, _ = classify(network, sampler.render(latents))
    expected = float((predicted == latents["class"]).double().mean())
    assert found.scores["accuracy"].value == pytest.approx(expected)
    assert found.scores["modes"].value == len(predicted.unique())


@pytest.mark.slow
def test_a_run_with_codes_and_one_without_classes(capsys):
    lively = [*TINY, "training.lr=0.1", "training.d_lr=0.1", "training.seed=7"]
    assert main(["train", "--model", "infogan", "--run", "i", *lively, "model.categories=3"]) == 0
    assert main(["evaluate", "--run", "i", "--device", "cpu"]) == 0
    assert 0 <= evaluated("i")["scores"]["code_accuracy"]["value"] <= 1
    Path("pictures").mkdir()
    for number in range(12):
        Image.new("L", (SIDE, SIDE), 20 * number).save(f"pictures/{number}.png")
    plain = ["--model", "dcgan", "--run", "d", *lively, "data.path=pictures"]
    assert main(["train", *plain]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--run", "d", "--device", "cpu"]) == 0  # there is a page to look at
    said = capsys.readouterr()
    assert f"accuracy, {SETS}: the pictures have no classes" in said.out
    assert "no scores: the page shows what the run draws" in said.out and not said.err
    assert "Samples over time" in Path("runs/d/evaluation/index.html").read_text()
    assert_gallery_goes_on_from_samples("i", rows=5, seed=7)
    assert_gallery_goes_on_from_samples("d", rows=6, seed=7)  # training.samples


def assert_gallery_goes_on_from_samples(run, *, rows, seed):
    """Of the training's seed it shows what the samples do, where evaluate draws other pictures."""
    samples = np.asarray(Image.open(f"runs/{run}/samples/step-00000004.png")).astype(int)
    assert len(samples) == rows * (SIDE * 8 + SEAM) + SEAM
    sampler = LatentSampler.load(run, device="cpu")
    gallery, other = draw_gallery(sampler, seed), draw_gallery(sampler, seed + 1)
    assert np.abs(gallery[: len(samples)] - samples).max() <= 1
    assert np.abs(other[: len(samples)] - samples).max() > 20
    shown = np.asarray(Image.open(f"runs/{run}/evaluation/drawn.png"))
    assert shown.shape == gallery.shape and not np.array_equal(shown, gallery)


def test_pictures_of_another_tool_are_no_pairs(capsys):
    assert main(["train", "--model", "gan", "--run", "g", *TINY]) == 0
    assert main(["evaluate", "--run", "g", "--against", "."]) == 2
    assert "the run draws from noise" in capsys.readouterr().err
    assert not Path("runs/g/evaluation").exists()


def test_a_semi_supervised_run_is_judged_by_the_classes_of_its_pictures():
    settings = ["--model", "semi_supervised", "--run", "s", *TINY, "model.labelled_per_class=2"]
    assert main(["train", *settings]) == 0
    assert main(["evaluate", "--run", "s", "--device", "cpu"]) == 0
    found = evaluated("s")
    assert found["protocol"]["real pictures"] == "60 pictures"  # those held out from it, too
    assert "1.0000 on the 12 others" in found["protocol"]["classifier"]["accuracy"]
    assert found["missing"]["accuracy"] == "the run draws without a class"


def test_real_pictures_are_cut_as_those_of_the_training():
    for kind, value in (("a", 60), ("b", 200)):
        Path("folders", kind).mkdir(parents=True)
        for number in range(COUNT // 2):
            width, height = ((12, 8), (10, 14))[number % 2]
            rows = np.full((height, width), value) + np.arange(width)
            Image.fromarray(rows.astype(np.uint8)).save(f"folders/{kind}/{number}.png")
    settings = ["--model", "cgan", "--run", "c", *TINY, "data.path=folders", "data.crop=[8,8]"]
    assert main(["train", *settings]) == 0
    assert main(["evaluate", "--run", "c", "--device", "cpu"]) == 0
    assert {"accuracy", "frechet"} <= set(evaluated("c")["scores"])
    config = DataConfig(path="folders", crop=(SIDE, SIDE))
    real = stack_pictures(config, describe_pictures(config))
    assert real.images.shape == (COUNT, 1, SIDE, SIDE) and real.names == ("a", "b")
    assert real.classes.tolist() == [0] * 30 + [1] * 30
    first, second = real.images[:2, 0, 0] * 127.5 + 127.5 - 60
    torch.testing.assert_close(first, torch.arange(8.0) + 2)  # the middle of 12
    torch.testing.assert_close(second, torch.arange(8.0) + 1)


def test_every_fifth_of_each_class_is_kept_from_the_classifier():
    turns = torch.arange(100) % 10
    held = every_fifth(turns)
    assert held.nonzero()[:, 0].tolist() == [*range(40, 50), *range(90, 100)]
    assert every_fifth(torch.tensor([0, 0, 1, 0, 0, 1, 0])).nonzero().tolist() == [[6]]


def test_the_real_pictures_of_a_limit_are_of_all_classes():
    config = DataConfig(path="squares.csv")
    real = stack_pictures(config, describe_pictures(config), 20)  # every third would be of one
    assert len(real.images) == 20 and set(real.classes.tolist()) == {0, 1, 2}
    again = stack_pictures(config, describe_pictures(config), 20)
    assert torch.equal(real.images, again.images)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["acgan", "infogan"])
def test_few_pictures(model, capsys):
    assert main(["train", "--model", model, "--run", "f", *TINY]) == 0
    accuracy = {"acgan": "accuracy", "infogan": "code_accuracy"}[model]
    capsys.readouterr()
    for limit in ("1", "2", "4", "24"):
        command = ["evaluate", "--run", "f", "--device", "cpu", "--limit", limit]
        assert main(command) == 0
        said = capsys.readouterr().out
        assert f"{accuracy}, {SETS}: {limit} real picture" in said
        assert "and 10 are the least to believe it by" in said
    assert "would be tried on 3 of them" in said and not evaluated("f")["scores"]
    command[-1] = "60"
    assert main(command) == 0
    assert set(evaluated("f")["scores"]) == {accuracy, "frechet", "modes", "even"}


@pytest.mark.slow
def test_pictures_of_another_place(capsys):
    assert main(["train", "--model", "cgan", "--run", "c", *TINY]) == 0
    Path("colour/0").mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (SIDE, SIDE), (20 * number, 0, 90)).save(f"colour/0/{number}.png")
    write_squares("large.csv", side=16, classes=3)
    write_squares("two.csv", side=SIDE, classes=2)
    for place, problem in (
        ("colour", "3 channels, the run draws 1"),
        ("large.csv", "16x16 pixels, the run draws 8x8"),
        ("two.csv", "the classes 0, 1, the run draws 0, 1, 2"),
    ):
        capsys.readouterr()
        assert main(["evaluate", "--run", "c", "--device", "cpu", "--data", place]) == 2
        said = capsys.readouterr().err
        assert problem in said and str(Path(place).resolve()) in said and "--data DIR" in said
        assert not Path("runs/c/evaluation").exists()
    Path("squares.csv").rename("others.csv")
    capsys.readouterr()
    command = ["evaluate", "--run", "c", "--device", "cpu"]
    assert main(command) == 2
    assert "squares.csv: there is no such folder or file" in (said := capsys.readouterr().err)
    assert "If the run's data have moved: --data DIR" in said
    assert main([*command, "--data", "others.csv"]) == 0
    assert evaluated("c")["protocol"]["data"] == str(Path("others.csv").resolve())
    assert str(Path("others.csv").resolve()) in Path("runs/c/evaluation/index.html").read_text()


@pytest.mark.slow
def test_two_runs_are_compared_by_their_sets(capsys):
    for name, model in (("c", "cgan"), ("d", "acgan")):
        assert main(["train", "--model", model, "--run", name, *TINY]) == 0
    assert main(["evaluate", "--compare", "c", "d", "--device", "cpu"]) == 0
    said = capsys.readouterr()
    assert "d, compared with c:" in said.out and not said.err
    found = json.loads(Path("comparison/comparison.json").read_text())["differences"]
    assert set(found) == {"accuracy", "frechet", "modes", "even"}
    sides = [
        json.loads(Path(f"comparison/{side}/evaluation.json").read_text())["scores"]
        for side in ("first", "second")
    ]
    one, other = (side["accuracy"] for side in sides)
    change = other["value"] - one["value"]
    half = np.hypot(one["high"] - one["low"], other["high"] - other["low"]) / 2
    assert found["accuracy"]["change"] == pytest.approx(change)
    assert found["accuracy"]["low"] == pytest.approx(change - half)
    assert found["accuracy"]["high"] == pytest.approx(change + half)
    assert found["frechet"]["low"] is None  # one number of one set
    page = Path("comparison/comparison.html").read_text()
    assert "Drawn pictures" in page and page.count("data:image/png") >= 2
    # What was found is as good as the run; but of other numbers nothing can be said.
    both = ["comparison/first", "comparison/second", "--out", "again"]
    assert main(["evaluate", "--compare", *both]) == 0
    assert Path("again/comparison.html").read_text().count("data:image/png") >= 2
    assert main(["evaluate", "--run", "c", "--limit", "50", "--out", "fewer"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--compare", "fewer", "comparison/second", "--out", "last"]) == 2
    assert "have no metric in common" in capsys.readouterr().err
    # Of other pictures neither, which is told before anything is drawn.
    Path("copy.csv").write_bytes(Path("squares.csv").read_bytes())
    assert main(["train", "--model", "cgan", "--run", "e", *TINY, "--data", "copy.csv"]) == 0
    capsys.readouterr()
    compare = ["evaluate", "--compare", "c", "e", "--device", "cpu", "--out", "unlike"]
    assert main(compare) == 2
    said = capsys.readouterr()
    assert "squares.csv, e from " in said.err and "copy.csv: score both by" in said.err
    assert not said.out and not Path("unlike").exists()
    assert main([*compare, "--data", "copy.csv"]) == 0


def test_pictures_of_several_sizes_are_not_what_a_run_draws(capsys):
    assert main(["train", "--model", "gan", "--run", "g", *TINY]) == 0
    Path("others").mkdir()
    for side in (SIDE, SIDE + 1):
        Image.new("L", (side, side)).save(f"others/{side}.png")
    assert main(["evaluate", "--run", "g", "--data", "others"]) == 2
    said = capsys.readouterr().err
    assert "differ in size (1 of" in said and said.endswith(f"draws pictures of {SIDE}x{SIDE}.\n")


def drawn_signs(noise):
    """An upright bar, a lying one and a square in turns, on a background that noise brightens."""
    draw = torch.Generator().manual_seed(0)
    signs = torch.full((3, 1, 16, 16), -1.0)
    signs[0, 0, 3:13, 7:9] = signs[1, 0, 7:9, 3:13] = signs[2, 0, 4:12, 4:12] = 1
    images = signs.repeat(50, 1, 1, 1)
    grain = 0.02 * torch.randn(images.shape, generator=draw)
    return (images + grain + noise * torch.rand(images.shape, generator=draw)).clamp(-1, 1)


def test_a_classifier_that_noise_fools_is_not_believed():
    """Every sign is there, and the classifier sees one class: its distance gives it away."""
    turns = torch.arange(150) % 3
    real = Stacked(drawn_signs(0), turns, ("upright", "lying", "square"))

    def judged(noise):
        fakes, latents = drawn_signs(noise), {"class": turns}
        scores, missing, about = drawn._classified(fakes, latents, real, torch.device("cpu"))
        return drawn.Evaluation("x", scores, missing, {}, about)

    clean, noisy = judged(0), judged(1.5)
    assert clean.scores["modes"].value == 3 and not clean.doubts
    assert noisy.scores["modes"].value < 3
    usual = float(noisy.protocol["classifier"]["frechet"].rpartition(" ")[2])
    times = noisy.scores["frechet"].value / usual
    assert times > 1000
    assert "modes" in noisy.doubts[0] and "look at the pictures" in noisy.doubts[0]
