"""An evaluation, its pictures and a run's folder, small and made by hand."""

import json
import math

import numpy as np

from img2img.evaluation.pages.comparison import comparison_page
from img2img.evaluation.pages.report import report_page
from img2img.evaluation.result import Difference, Evaluation, Score, Shown
from img2img.fields.files import write_image

HOSTILE = "</td><script>alert(\"1\")</script> <img src=x onerror=alert(2)> 'ü' 名"
SCORES = {
    "psnr": Score(15.4454, 15.1234, 15.7678, "larger", 106),
    "lpips": Score(0.406834, 0.399711, 0.414149, "smaller", 105),
    "fid": Score(123.456, math.nan, math.nan, "smaller", 106),
}
DIFFERENCES = {
    "psnr": Difference(15.4454, 15.62, 0.1746, 0.05, 0.29, "larger"),
    "lpips": Difference(0.4068, 0.4183, 0.0115, 0.0071, 0.0158, "smaller"),
    "ssim": Difference(0.3602, 0.3607, 0.0005, -0.0041, 0.0052, "larger"),
    "fid": Difference(123.456, 120.0, -3.456, math.nan, math.nan, "smaller"),
}
CONFIG = "model:\n  name: pix2pix  # <b>\n"


def evaluation(name="facades", **changes) -> Evaluation:
    values = {
        "scores": SCORES,
        "missing": {"kid": "no Inception weights"},
        "images": {"one": {"psnr": 17.2, "lpips": 0.31}},
        "protocol": {"size": [128, 256], "lpips": {"weights": "vgg16", "sha": None}, "flip": False},
    }
    return Evaluation(name, **(values | changes))


def shown(name="one", seed=0, size=(32, 48)) -> Shown:
    rng = np.random.default_rng(seed)
    made = [rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(4)]
    return Shown(name, {"label": made[0], "boundary": made[1]}, made[2], made[3])


def run_folder(path, *, steps=40, samples=3):
    """A run as training leaves it, with a health log."""
    path.mkdir(parents=True)
    lines = [
        {"step": step, "g/adv": 1 / step, "g/l1": 0.5, "d/real": 0.7, "lr": 2e-4, "epoch": 0.0}
        for step in range(1, steps + 1)
    ]
    lines += [{"step": step, "val/psnr": 15 + step / 10} for step in (steps // 2, steps)]
    write_lines(path / "metrics.jsonl", lines)
    write_lines(path / "health.jsonl", [{"step": 7, "rule": "weak D", "message": "D guesses."}])
    (path / "config.yaml").write_text(CONFIG)
    (path / "samples").mkdir()
    for number in range(1, samples + 1):
        sheet = np.full((20, 60, 3), 10 * number, np.uint8)
        write_image(path / "samples" / f"step-{100 * number:08d}.png", sheet)
    return path


def write_lines(path, lines):
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")


def hostile_pages(tmp_path):
    """Both pages with the same evil text wherever a text may come from outside."""
    folder = run_folder(tmp_path / "run <b> 'x'")
    write_lines(folder / "metrics.jsonl", [{"step": s, f"g/{HOSTILE}": s} for s in (1, 2)])
    write_lines(folder / "health.jsonl", [{"step": 1, "rule": HOSTILE, "message": HOSTILE}])
    (folder / "config.yaml").write_text(HOSTILE)
    one = shown(HOSTILE)
    one = type(one)(HOSTILE, {HOSTILE: one.real}, one.translated, one.real)
    found = evaluation(
        HOSTILE,
        scores={HOSTILE: Score(1, 0, 2, "larger", 3)},
        missing={HOSTILE: HOSTILE},
        images={HOSTILE: {HOSTILE: 1.0}},
        protocol={HOSTILE: {HOSTILE: [HOSTILE]}, "file": "odd \udcff name"},
    )
    yield report_page(found, {"best": [one]}, folder)
    other = evaluation(f"{HOSTILE} 2", protocol={})
    yield comparison_page(found, other, {HOSTILE: DIFFERENCES["psnr"]}, [(one, one)])
