"""The ablation: its tables by hand, and the whole way at a size that only shows that it runs."""

import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarking import ablation
from benchmarking.markdown import insert

from img2img.config import load_config, parse_overrides
from img2img.errors import ConfigError
from img2img.evaluation.result import Evaluation, Score
from img2img.fields.palettes import load_palette
from img2img.models import OPTIONS

TOOL = Path(__file__).resolve().parents[2] / "tools" / "ablation.py"
BUDGET = ablation.Budget(steps=9, pixels=64, width=8)


def evaluation(l1, psnr):
    scores = {
        "l1": Score(l1, l1 - 0.1, l1 + 0.1, "smaller", 5),
        "psnr": Score(psnr, math.nan, math.nan, "larger", 5),
        "iou/car": Score(0.5, 0.4, 0.6, "larger", 5),
    }
    return Evaluation("x", scores, {"fid": "no weights"})


def test_table_by_hand():
    found = ablation.table({"pix2pix": evaluation(0.3, 14), "hd-unet": evaluation(0.25, 13.5)})
    assert found.splitlines() == [
        "| | l1 ↓ | psnr ↑ |",
        "|---|---|---|",
        "| pix2pix: GAN + 100 L1 | 0.3 (0.2 to 0.4) | **14** |",
        "| pix2pixHD, U-Net: all terms | **0.25** (0.15 to 0.35) | 13.5 |",
        "",
        "Not computed: fid (no weights).",
    ]


def test_a_table_takes_its_place(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- x -->\nold\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n")
    for _ in range(2):
        insert(page, "x", "new")
    expected = "a\n<!-- x -->\n\nnew\n\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    assert page.read_text() == expected
    with pytest.raises(ConfigError, match="no place"):
        insert(page, "z", "new")


@pytest.mark.parametrize("data_set", ablation.DATA_SETS)
@pytest.mark.parametrize("variant", ablation.VARIANTS)
def test_variants_differ_in_their_terms_alone(data_set, variant):
    given = ablation.settings(data_set, variant, BUDGET)
    config = load_config(OPTIONS, overrides=parse_overrides(given))
    assert config.training.steps + config.training.decay_steps == 9
    assert config.data.resize == ((64, 64) if data_set == "facades" else (48, 64))
    assert config.model.width == config.model.d_width == 8
    assert variant in ablation.TITLES


def write_facades(folder, count):
    """Photo and labels side by side, in the palette's colours, as CMP Facades lies on disk."""
    colours = np.array(load_palette("facades").colours, np.uint8)
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        (folder / split).mkdir(parents=True)
        for i in range(count):
            ids = rng.integers(0, len(colours), (4, 4)).repeat(16, 0).repeat(16, 1)
            pair = np.concatenate([255 - colours[ids], colours[ids]], axis=1)
            cv2.imwrite(str(folder / split / f"{i}.png"), pair[..., ::-1])


@pytest.mark.slow
@pytest.mark.shared_data
def test_the_whole_way(tmp_path, shared):
    write_facades(tmp_path / "facades", 3)
    page = tmp_path / "page.md"
    page.write_text("<!-- facades -->\n<!-- end -->\n")
    weights = shared / "data" / "weights" / "vgg16_features.safetensors"
    command = [
        sys.executable, TOOL, "--facades", tmp_path / "facades", "--vgg-weights", weights,
        "--out", tmp_path / "out", "--steps", "3", "--pixels", "32", "--width", "4",
        "--segmenter-steps", "20", "--device", "cpu", "--page", page,
        "--variants", "pix2pix-l1", "hd-global-no-vgg",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    reduced = cv2.imread(str(out / "facades-reduced" / "val" / "0.png"))
    original = cv2.imread(str(tmp_path / "facades" / "val" / "0.png"))
    assert np.array_equal(reduced, original[::2, ::2])
    table = page.read_text()
    assert "miou" in table and "lpips" in table
    for variant in ("pix2pix-l1", "hd-global-no-vgg"):
        scored = ablation.load(out / f"facades-{variant}")
        assert f"{scored.scores['l1'].value:.3g}" in table and ablation.TITLES[variant] in table
    # labels, two variants and the photo beside each other, three pairs below each other
    sheet = cv2.imread(str(out / "facades.png"))
    assert sheet.shape[1] > 4 * 320 and sheet.shape[0] > 3 * 320
    # What is done is not done again.
    again = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert again.returncode == 0 and "$ " not in again.stdout
