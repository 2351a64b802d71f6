"""`img2img evaluate` on runs: translated, scored, compared."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from img2img.cli import main
from img2img.data.scenes import VAL_OFFSET, draw_scene
from img2img.fields.files import read_image, write_image
from img2img.runs.folder import last_checkpoint

SIZE = {"height": 32, "width": 48}


def evaluated(folder):
    return json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))


def scene(number):
    return draw_scene(VAL_OFFSET + number, seed=0, **SIZE)


@pytest.fixture(scope="module")
def evaluation(runs, tmp_path_factory):
    """Run "b", evaluated with a trained segmenter."""
    out = tmp_path_factory.mktemp("evaluation") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(out.parent))
        patch.setenv("https_proxy", "http://127.0.0.1:9")
        arguments = ["--run", str(runs / "b"), "--out", str(out), "--segmenter", "train"]
        arguments += ["--segmenter-steps", "80"]
        assert main(["evaluate", *arguments, "--device", "cpu"]) == 0
    return out


def test_scores_are_those_of_the_files(evaluation):
    """L1 and PSNR by hand, of the translated files and the scenes that were held out."""
    found = evaluated(evaluation)
    errors = {}
    for number in range(12):
        name = f"scene_{VAL_OFFSET + number:05d}"
        fake = read_image(evaluation / f"translated/{name}.png").astype(np.float64)
        errors[name] = (fake - scene(number).image) / 127.5
    assert found["images"].keys() == errors.keys()
    for name, error in errors.items():
        own = found["images"][name]
        assert own["l1"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
        assert own["psnr"] == pytest.approx(10 * np.log10(4 / (error**2).mean()), rel=1e-5)
    score = found["scores"]["l1"]
    assert score["value"] == pytest.approx(np.mean([v["l1"] for v in found["images"].values()]))
    assert score["low"] < score["value"] < score["high"] and score["count"] == 12
    assert score["better"] == "smaller" and found["scores"]["ssim"]["better"] == "larger"


def test_the_same_as_validation_while_training(runs, evaluation):
    """But for the rounding to 8 bits."""
    lines = (runs / "b/metrics.jsonl").read_text().splitlines()
    val = next(json.loads(line) for line in reversed(lines) if "val/l1" in line)
    found = evaluated(evaluation)["scores"]
    for metric in ("l1", "psnr", "ssim"):
        assert found[metric]["value"] == pytest.approx(val[f"val/{metric}"], rel=0.01)


def test_what_is_missing_says_why(evaluation):
    missing = evaluated(evaluation)["missing"]
    assert missing.keys() == {"ms_ssim", "lpips", "fid", "kid", "precision", "recall"}
    assert "176 pixels" in missing["ms_ssim"]
    assert "refused" in missing["lpips"] and "--lpips-weights FILE" in missing["lpips"]
    assert "refused" in missing["fid"] and "--inception FILE" in missing["fid"]


def test_protocol(evaluation, runs):
    protocol = evaluated(evaluation)["protocol"]
    assert protocol["run"] == str(runs / "b") and protocol["step"] == 30
    assert protocol["sizes (width x height)"] == {"48x32": 12}
    assert protocol["real pictures"] == {"uint8, 3 channels": 12}
    assert "INTER_AREA" in protocol["resizing"] and "0 of 12" in protocol["resizing"]
    assert protocol["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert len(protocol["segmentation"]["sha256"]) == 64


def test_segmentation_is_what_the_csv_adds_up_to(evaluation):
    found = evaluated(evaluation)
    with open(evaluation / "segmentation.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right, labelled = (sum(int(row[key]) for row in rows) for key in ("right", "labelled"))
    assert labelled == 12 * 32 * 48
    assert found["scores"]["pixel_accuracy"]["value"] == pytest.approx(right / labelled)
    sky = [row for row in rows if row["class"] == "sky"]
    sums = {key: sum(int(row[key]) for row in sky) for key in ("right", "labelled", "predicted")}
    union = sums["labelled"] + sums["predicted"] - sums["right"]
    assert found["scores"]["iou/sky"]["value"] == pytest.approx(sums["right"] / union)
    own = [row for row in rows if row["picture"] == rows[0]["picture"]]
    assert sum(int(row["labelled"]) for row in own) == 32 * 48
    assert found["protocol"]["segmentation"]["on the real pictures"]["pixel_accuracy"] > 0.6
    with open(evaluation / "images.csv", encoding="utf-8", newline="") as file:
        images = {row["picture"]: row for row in csv.DictReader(file)}
    assert images.keys() == found["images"].keys()
    name = rows[0]["picture"]
    assert float(images[name]["pixel_accuracy"]) == found["images"][name]["pixel_accuracy"]


def test_the_page_is_whole(evaluation):
    page = (evaluation / "index.html").read_text(encoding="utf-8")
    assert "Evaluation: " in page and page.count("data:image") >= 12 * 3
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_limit_and_two_folders_by_the_same_protocol(runs, evaluation, tmp_path, capsys):
    """A run's translations, scored as two plain folders, have the same scores to the last digit."""
    arguments = ["--run", str(runs / "b"), "--limit", "5", "--device", "cpu"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "five")]) == 0
    own = evaluated(tmp_path / "five")
    names = [f"scene_{VAL_OFFSET + n:05d}" for n in (0, 2, 4, 7, 9)]
    assert list(own["images"]) == names
    for number, name in zip((0, 2, 4, 7, 9), names, strict=True):
        (tmp_path / "real").mkdir(exist_ok=True)
        write_image(tmp_path / f"real/{name}.png", scene(number).image)
    fake = tmp_path / "five/translated"
    arguments = ["--fake", str(fake), "--real", str(tmp_path / "real"), "--device", "cpu"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "folders")]) == 0
    plain = evaluated(tmp_path / "folders")
    assert plain["images"] == own["images"] and plain["scores"] == own["scores"]
    assert "5 pictures; sets of at least 10" in plain["missing"]["fid"]
    assert "5 pictures" in capsys.readouterr().out


def test_against_another_tool(runs, evaluation, tmp_path, capsys):
    """A blurred copy of a run's pictures is told from them, in the right direction."""
    blurred = tmp_path / "blurred copy"
    for path in (evaluation / "translated").iterdir():
        array = cv2.GaussianBlur(read_image(path), (0, 0), 4)
        blurred.mkdir(exist_ok=True)
        write_image(blurred / path.name, array)
    arguments = [
        "--run",
        str(runs / "b"),
        "--against",
        str(blurred),
        "--out",
        str(tmp_path / "out"),
    ]
    segmenter = ["--segmenter", str(evaluation / "segmenter.safetensors"), "--device", "cpu"]
    assert main(["evaluate", *arguments, *segmenter]) == 0
    out = capsys.readouterr().out
    found = json.loads((tmp_path / "out/comparison.json").read_text(encoding="utf-8"))
    assert found["first"] == f"{tmp_path.name}/blurred copy" and found["second"] == "b"
    differences = found["differences"]
    one, other = evaluated(tmp_path / "out/against"), evaluated(tmp_path / "out")
    ssim = differences["ssim"]
    changes = [other["images"][n]["ssim"] - own["ssim"] for n, own in one["images"].items()]
    assert ssim["change"] == pytest.approx(np.mean(changes))
    assert ssim["low"] < ssim["change"] < ssim["high"]
    assert any("a difference" in line for line in found["in words"])
    assert differences["miou"]["change"] == pytest.approx(
        other["scores"]["miou"]["value"] - one["scores"]["miou"]["value"]
    )
    assert f"b, compared with {tmp_path.name}/blurred copy:" in out
    page = (tmp_path / "out/comparison.html").read_text(encoding="utf-8")
    assert page.count("data:image") >= 9 and "blurred copy" in page
    # The same as comparing the two folders later.
    earlier = [str(tmp_path / "out/against"), str(tmp_path / "out")]
    assert main(["evaluate", "--compare", *earlier, "--out", str(tmp_path / "later")]) == 0
    later = json.loads((tmp_path / "later/comparison.json").read_text(encoding="utf-8"))
    assert later["differences"] == differences
    page = (tmp_path / "later/comparison.html").read_text(encoding="utf-8")
    assert page.count("data:image") >= 9


def test_pictures_of_another_tool_beyond_the_limit_and_of_nothing(
    runs, evaluation, tmp_path, capsys
):
    """Those of inputs that are left out are no matter; one of no input is."""
    shutil.copytree(evaluation / "translated", tmp_path / "theirs")
    arguments = ["--run", str(runs / "b"), "--against", str(tmp_path / "theirs"), "--limit", "4"]
    out = ["--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main(["evaluate", *arguments, *out]) == 0
    capsys.readouterr()
    (tmp_path / "theirs/scene_1000000.png").rename(tmp_path / "theirs/other.png")
    assert main(["evaluate", *arguments, *out]) == 2
    err = capsys.readouterr().err
    assert "1 translated and 1 real pictures have no partner" in err
    assert "other, scene_1000000" in err
    assert (
        "no difference that 3 pictures could show" in (tmp_path / "out/comparison.json").read_text()
    )


def test_pictures_of_another_tool_that_cannot_be_read(runs, tmp_path, capsys):
    """The run's own scores are kept."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/scene_1000000.png").write_bytes(b"cut")
    arguments = ["--run", str(runs / "b"), "--against", str(tmp_path / "theirs"), "--limit", "1"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "out"), "--device", "cpu"]) == 2
    out, err = capsys.readouterr()
    assert "not compared: " in out and "1 picture skipped" in err
    assert evaluated(tmp_path / "out")["scores"]["l1"]["count"] == 1


@pytest.mark.slow
def test_two_runs(runs, tmp_path, capsys):
    arguments = ["--compare", str(runs / "a"), str(runs / "b"), "--out", str(tmp_path / "out")]
    assert main(["evaluate", *arguments, "--device", "cpu"]) == 0
    assert "l1: lower by" in capsys.readouterr().out
    found = json.loads((tmp_path / "out/comparison.json").read_text(encoding="utf-8"))
    l1 = found["differences"]["l1"]
    assert l1["high"] < 0 and l1["second"] < l1["first"]
    assert (tmp_path / "out/first/translated").is_dir()
    assert (tmp_path / "out/second/index.html").is_file()


def test_identical_runs_do_not_differ(runs, tmp_path, capsys):
    arguments = ["--compare", str(runs / "b"), str(runs / "b"), "--out", str(tmp_path / "out")]
    assert main(["evaluate", *arguments, "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "l1: no difference that 12 pictures could show" in out and "a difference," not in out
    found = json.loads((tmp_path / "out/comparison.json").read_text(encoding="utf-8"))
    assert all(d["change"] == d["low"] == d["high"] == 0 for d in found["differences"].values())


@pytest.mark.slow
def test_results_are_replaced_only_by_complete_ones(runs, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    arguments = ["evaluate", "--run", str(runs / "a"), "--out", str(out), "--limit", "2"]
    assert main(arguments) == 0
    (out / "mine.txt").write_text("kept")
    (out / "segmenter.safetensors").write_text("took ten minutes")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def broken(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("img2img.evaluation.output.report_page", broken)
        assert main([*arguments[:-1], "3"]) == 130
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert main([*arguments[:-1], "3"]) == 0
    assert len(list((out / "translated").iterdir())) == 3
    assert (out / "mine.txt").read_text() == "kept" and not (out / ".unfinished").exists()
    assert (out / "segmenter.safetensors").read_text() == "took ten minutes"
    assert main(["evaluate", "--run", str(runs / "a"), "--out", str(runs / "a")]) == 2
    assert "holds other things than an evaluation" in capsys.readouterr().err
    assert last_checkpoint(runs / "a").meta["step"] == 2


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--run", "gone"], "gone: no such run"),
        (["--run", "{a}", "--data", "nowhere"], "nowhere: there is no such folder"),
        (["--run", "{a}", "--against", "nowhere"], "nowhere: there is no such folder"),
        (["--run", "{a}", "--against", "."], "expected names such as scene_1000000, found other"),
        (["--run", "{a}", "--styles", "random"], "this model has no styles"),
        (["--run", "{a}", "--segmenter", "what"], "--segmenter what: expected train"),
        (["--run", "{a}", "--segmenter", "gone.onnx"], "gone.onnx: no such file"),
        (["--run", "{a}", "--segmenter", "torchvision:deeplab"], "deeplabv3"),
        (["--run", "{a}", "--segmenter", "torchvision:fcn_resnet50"], "--segmenter-weights FILE"),
        (["--run", "{a}", "--inception", "gone.pth"], "gone.pth: no such weight file"),
        (["--run", "{a}", "--lpips-weights", "gone.pth"], "gone.pth: no such weight file"),
        (["--run", "{a}", "--checkpoint", "77"], "no checkpoint of step 77"),
        (["--compare", "{a}", "gone"], "gone: no such run"),
        (["--fake", "gone", "--real", "gone"], "gone: there is no such folder"),
    ],
)
def test_mistakes_are_one_message_and_leave_nothing(
    arguments, expected, runs, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.png").touch()
    given = [word.replace("{a}", str(runs / "a")) for word in arguments]
    out = ["--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main(["evaluate", *given, *out]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and expected in message and "Traceback" not in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--fake", "x"], "--fake and --real belong together"),
        (["--fake", "x", "--real", "y", "--run", "z"], "go without --run"),
        (["--compare", "x", "y", "--against", "z"], "leave out --run and --against"),
    ],
)
def test_options_that_exclude_one_another(arguments, expected, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["evaluate", *arguments])
    assert exit_.value.code == 2 and expected in capsys.readouterr().err
