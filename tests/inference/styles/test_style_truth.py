"""Measuring styles on the built-in scenes: the truth is the truth, the script runs."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarking import styles as measuring
from benchmarking.styles import style_errors

from img2img.data.scenes import STYLES, draw_scene
from img2img.inference.styles.making import StyledRun

SIZE = {"height": 32, "width": 64}
TOOL = Path(__file__).parents[3] / "tools" / "benchmark_styles.py"


def test_one_object_in_another_style():
    scene = draw_scene(5, **SIZE)
    car = next(i for i in scene.styles if i // 1000 == 6)
    other = (scene.styles[car] + 1) % len(STYLES["car"])
    changed = draw_scene(5, **SIZE, styles={car: other})
    assert changed.styles == scene.styles | {car: other}
    assert np.array_equal(changed.instance, scene.instance)
    different = (changed.image != scene.image).any(2)
    assert different[scene.instance == car].mean() > 0.3
    near = np.zeros_like(different)
    rows, columns = np.nonzero(scene.instance == car)
    near[rows.min() - 2 : rows.max() + 3, columns.min() - 2 : columns.max() + 3] = True
    assert not different[~near].any()


@pytest.fixture
def truth(tiny_runs):
    return measuring.Truth(StyledRun.load(str(tiny_runs["styled"]), device="cpu"))


def test_perfect_features_agree_perfectly(truth):
    known = np.stack([truth.true, truth.objects.classes], 1).astype(np.float32)
    truth.objects = replace(truth.objects, features=known)
    rows = truth.agreement()
    assert {row.name for row in rows} == {"sky", "building", "tree", "car", "person", "sign"}
    assert all(row.at[row.true] == pytest.approx(1.0) for row in rows)
    for cls, styles in truth.book().styles.items():
        present = np.unique(truth.true[truth.objects.classes == cls])
        assert [styles[s].centre[0] for s in present] == pytest.approx(present, abs=1e-6)


def test_a_picture_as_it_should_be_has_no_error(truth):
    """A translator that draws the styles' own colours makes no error and changes nothing elsewhere."""
    book = truth.book()
    real = truth.translator

    class Perfect:
        objects = staticmethod(real.objects)

        def render(self, inputs, looks):
            first = measuring.VAL_OFFSET
            same = (np.array_equal(truth.scene(first + i).label, inputs["label"]) for i in (0, 1))
            index = first + list(same).index(True)
            drawn = (self.numbers(inputs, look) for look in looks)
            return [truth.scene(index, styles, exact=True).image for styles in drawn]

        def numbers(self, inputs, look):
            names = {c: [s.name for s in styles] for c, styles in book.styles.items()}
            classes = real.objects(inputs).classes
            return {i: names[classes[i]].index(choice.style) for i, choice in look.items()}

    truth.translator = Perfect()
    picks = list(truth.picks(book, 2))
    assert len(picks) > 5
    assert max(p.error for p in picks) < 1e-6 and max(style_errors(picks).values()) < 1e-6
    assert min(p.inside for p in picks) > 3 > 1 > max(p.outside for p in picks)


def test_script(styled_run, capsys, monkeypatch, tiny_runs):
    script = runpy.run_path(str(TOOL))
    against = str(tiny_runs["pix2pix"])
    arguments = ["--run", str(styled_run), "--against", against, "--limit", "4", "--scenes", "1"]
    assert script["main"](arguments) == 0
    out = capsys.readouterr().out
    assert "mean ARI at the true k" in out and "grey levels" in out and "building" in out


def test_errors_of_styles_are_of_the_mean():
    def pick(style, *offset):
        return measuring.Pick("car", style, np.array(offset), 100.0, 0.0, 0.0)

    picks = [pick("red", 30, 0, 0), pick("red", -10, 0, 0), pick("blue", 0, 3, 4)]
    assert [p.error for p in picks] == [0.3, 0.1, 0.05]
    assert style_errors(picks) == pytest.approx({"red": 0.1, "blue": 0.05})
