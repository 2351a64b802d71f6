"""The pages of an evaluation: everything in its place, and nothing that could break them."""

import re

import numpy as np
import pytest
from page_cases import (
    CONFIG,
    DIFFERENCES,
    HOSTILE,
    evaluation,
    hostile_pages,
    run_folder,
    shown,
    write_lines,
)
from parsed import Parsed

from img2img.evaluation.pages.comparison import comparison_page
from img2img.evaluation.pages.report import report_page
from img2img.evaluation.pages.scores import written
from img2img.evaluation.pages.training_log import read_log
from img2img.fields.files import write_image

THREE = {"best": [shown("one", 1)], "median": [shown("two", 2)], "worst": [shown("three", 3)]}


@pytest.fixture
def run(tmp_path):
    return run_folder(tmp_path / "runs" / "facades")


def test_scores_stand_with_interval_and_direction():
    rows = Parsed(report_page(evaluation(), {}, None)).tables[0]
    assert rows == [
        ["metric", "value", "95 % interval", "", "pictures"],
        ["psnr", "15.45", "15.12 to 15.77", "↑ larger is better", "106"],
        ["lpips", "0.4068", "0.3997 to 0.4141", "↓ smaller is better", "105"],
        ["fid", "123.5", "–", "↓ smaller is better", "106"],
    ]


def test_what_was_not_computed_and_the_protocol_are_told():
    page = Parsed(report_page(evaluation(), {}, None))
    assert page.tables[1] == [["kid", "no Inception weights"]]
    assert page.tables[2] == [
        ["size", "128, 256"],
        ["lpips.weights", "vgg16"],
        ["lpips.sha", "none"],
        ["flip", "no"],
    ]
    assert "Not computed, and why" not in report_page(evaluation(missing={}), {}, None)


def test_pictures_are_those_of_the_pairs_without_loss():
    page = Parsed(report_page(evaluation(), THREE, None))
    best = THREE["best"][0]
    for caption, array in {**best.inputs, "translated": best.translated, "real": best.real}.items():
        np.testing.assert_array_equal(page.pictures[f"Best: one: {caption}"], array)
    assert len(page.pictures) == 12 and "Worst: three: real" in page.pictures
    text = page.sections["Pictures"]
    assert text.index("Best: one") < text.index("Median: two") < text.index("Worst: three")
    assert "psnr 17.20, lpips 0.3100" in text


def test_a_page_stays_small_with_large_pictures():
    smooth = np.add.outer(np.arange(1500), np.arange(3000))[..., None] * np.array([1, 2, 3]) % 256
    rng = np.random.default_rng(0)
    noisy = np.clip(smooth + rng.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)
    one = shown()
    one = type(one)("big", {"label": noisy}, noisy, noisy)
    page = report_page(evaluation(), {"best": [one], "worst": [one]}, None)
    assert len(page) < 15e6 / 8  # so that eight times as many may lie on a page
    assert all(array.shape == (320, 640, 3) for array in Parsed(page).pictures.values())


def test_the_training_is_shown(run):
    page = Parsed(report_page(evaluation(), THREE, run))
    charts = re.findall("<h3>(.*?)</h3>", report_page(evaluation(), {}, run))
    assert charts == [
        "Generator losses",
        "Discriminator losses",
        "Validation: psnr",
        "Learning rate",
    ]
    training = " ".join(page.sections["Training"].split())
    assert "adv 0.025" in training and "real 0.7" in training and "psnr 19" in training
    sheets = {alt: a for alt, a in page.pictures.items() if alt.startswith("samples")}
    assert list(sheets) == [f"samples at step {step}" for step in (100, 200, 300)]
    assert abs(int(sheets["samples at step 300"].mean()) - 30) <= 1
    assert ["7", "weak D", "D guesses."] in page.tables[2]
    assert CONFIG in page.sections["Config"]


def test_numbers_that_were_logged_once_are_a_table(run):
    write_lines(run / "metrics.jsonl", [{"step": 5, "val/ssim": 0.25, "lr": 1e-3, "epoch": 1.0}])
    page = Parsed(report_page(evaluation(), {}, run))
    rows = [["name", "value", "step"], ["val/ssim", "0.25", "5"], ["lr", "0.001", "5"]]
    assert page.tables[2] == rows and not page.of("svg")


def test_broken_lines_are_left_out_and_counted(run):
    broken = [
        "{",
        "nonsense",
        "[1, 2]",
        "null",
        '{"g/l1": 1}',
        '{"step": true, "g/l1": 1}',
        '{"step": -3, "g/l1": 1}',
        '{"step": NaN, "g/l1": 1}',
        '{"step": "7", "g/l1": 1}',
        "[" * 100_000,
        "9" * 5000,
    ]
    fine = [
        '{"step": 20, "g/l1": 0.4}',
        '{"step": 10, "g/l1": 0.5, "g/adv": NaN, "d/real": "x", "d/fake": [1], "lr": true}',
        '{"step": 20, "g/l1": 0.3, "g/adv": Infinity, "lr": 1e39}',
        '{"step": 30, "g/l1": 9' + "9" * 400 + "}",
        "",
    ]
    (run / "metrics.jsonl").write_bytes(
        "\n".join([*broken, *fine]).encode() + b'\n{"step": 40, "g/l1": 0.2, "\xff": 1}\n{"step": 5'
    )
    log = read_log(run)
    assert log.curves["g/l1"] == [(10, 0.5), (20, 0.3)]
    assert set(log.curves) == {"g/l1"}
    assert log.broken == {"metrics.jsonl": len(broken) + 2}
    text = Parsed(report_page(evaluation(), {}, run)).sections["Training"]
    assert "13 lines of metrics.jsonl cannot be read and are left out." in text


def test_health_says_whether_anybody_looked(run):
    def told():
        return Parsed(report_page(evaluation(), {}, run)).sections["Health"]

    health = run / "health.jsonl"
    write_lines(health, [{"step": 1, "rule": "x"}, '{"step": 2, "rule"', {"step": 3, "message": 4}])
    assert "Nothing was found wrong in 40 steps." in told() and "3 lines of health.jsonl" in told()
    many = [{"step": s, "rule": "r", "message": f"message {s}"} for s in range(130)]
    write_lines(health, many)
    assert "message 99" in told() and "message 100" not in told() and "and 30 more" in told()
    health.write_text("")
    assert told().strip() == "Nothing was found wrong in 40 steps."
    (run / "metrics.jsonl").unlink()
    assert told().strip() == "Nothing was found wrong."
    health.unlink()
    assert "not watched" in told()


def test_samples_are_the_first_the_last_and_some_between(run):
    for number in range(1, 13):
        path = run / "samples" / f"step-{number:08d}.png"
        write_image(path, np.full((2700, 1110, 3), number, np.uint8))
    (run / "samples" / "step-00000012.png").write_bytes(b"no picture")
    (run / "samples" / "step-x.png").write_bytes(b"")
    write_image(run / "samples" / "step-00000001.png", np.full((9, 9), 1, np.uint16))
    samples = read_log(run).samples
    assert len(samples) <= 8 and max(samples) == 300
    assert list(samples) == sorted(samples) and 1 not in samples and 12 not in samples
    page = Parsed(report_page(evaluation(), {}, run))
    shapes = [a.shape for alt, a in page.pictures.items() if not alt.endswith("00")]
    assert set(shapes) == {(2400, 1100, 3)}


@pytest.mark.parametrize("kind", ["vanished", "empty", "folders"])
def test_a_run_of_which_nothing_is_left_has_a_report(tmp_path, kind):
    run = tmp_path / "run"
    if kind != "vanished":
        run.mkdir()
    if kind == "folders":
        for name in ("metrics.jsonl", "health.jsonl", "config.yaml", "samples/step-00000001.png"):
            (run / name).mkdir(parents=True)
    page = Parsed(report_page(evaluation(), {}, run))
    assert page.tables[0][1][0] == "psnr"
    if kind == "vanished":
        assert "not there any more" in page.sections["Pictures"]
        return
    assert "No numbers of the training are left." in page.sections["Training"]
    assert "none that can be read" in page.sections["Samples over time"]
    assert "not watched" in page.sections["Health"]
    assert "cannot be read" in page.sections["Config"]


def test_without_a_run_there_is_no_training():
    page = Parsed(report_page(evaluation(), {"best": [], "worst": []}, None))
    assert "There are none to show." in page.sections["Pictures"]
    assert not {"Training", "Health", "Config"} & set(page.sections)
    assert "There are none." in report_page(evaluation(scores={}), {}, None)


def test_hostile_names_are_text(tmp_path):
    for text in hostile_pages(tmp_path):
        text.encode("utf-8")
        page = Parsed(text)
        assert len(page.of("script")) == 1
        assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
        assert all(attrs["src"].startswith("data:") for attrs in page.of("img"))
        cells = [cell for rows in page.tables for row in rows for cell in row]
        assert HOSTILE in cells and f"{HOSTILE}.{HOSTILE}" in cells
        assert any(alt.startswith(HOSTILE) or HOSTILE in alt for alt in page.pictures)


def test_pages_load_nothing(run):
    pages = [
        report_page(evaluation(), THREE, run),
        comparison_page(evaluation(), evaluation("b"), DIFFERENCES, [(shown(), shown())]),
    ]
    for text in pages:
        page = Parsed(text)
        for _, attrs in page.tags:
            assert "href" not in attrs and "srcset" not in attrs
            assert attrs.get("src", "data:").startswith("data:")
        assert not page.of("link") and not page.of("iframe")
        assert not re.search(r"https?://|url\(|@import|fetch\(", text)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((0.406834, 0.399711), ["0.4068", "0.3997"]),
        ((15.4454, 9.99), ["15.45", "9.99"]),
        ((0.0,), ["0.000"]),
        ((12345.6,), ["12346"]),
        ((3e-9,), ["3.000e-09"]),
        ((float("nan"), float("inf"), 1.0), ["–", "–", "1.000"]),
    ],
)
def test_numbers_have_four_digits(values, texts):
    assert written(*values) == texts
