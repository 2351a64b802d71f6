"""The built-in street scenes and the script that writes them to disk."""

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections import defaultdict
from functools import cache
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from img2img.data.scenes import CLASSES, STYLES, VAL_OFFSET, draw_scene
from img2img.data.scenes.street import JITTER
from img2img.errors import DataError

SCRIPT = Path(__file__).resolve().parents[2] / "datasets" / "make_scenes.py"


@cache
def scene(index):
    return draw_scene(index, height=64, width=128)


def same(a, b):
    names = ("label", "instance", "image")
    arrays_agree = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)
    return arrays_agree and a.styles == b.styles


def class_of(instance):
    return instance // 1000 if instance >= 1000 else instance


@pytest.fixture(scope="module")
def colours():
    """(class name, style) -> mean colours of its instances of at least 40 pixels, 200 scenes."""
    found = defaultdict(list)
    for index in range(200):
        for instance, style in scene(index).styles.items():
            mask = scene(index).instance == instance
            if mask.sum() >= 40:
                key = (CLASSES[class_of(instance)].name, style)
                found[key].append(scene(index).image[mask].mean(0))
    return found


def test_a_scene_is_the_same_every_time():
    arguments = {"index": 7, "seed": 3, "height": 64, "width": 128}
    assert same(draw_scene(**arguments), draw_scene(**arguments))


def test_a_scene_is_the_same_on_every_machine():
    digest = hashlib.sha256()
    for index in range(4):
        for array in (scene(index).instance.astype("<i4"), scene(index).image):
            digest.update(array.tobytes())
    assert digest.hexdigest()[:16] == "b5b128bb77b08e20"


@pytest.mark.parametrize("other", [{"index": 8}, {"seed": 4}, {"index": VAL_OFFSET + 7}])
def test_other_indices_and_seeds_give_other_scenes(other):
    arguments = {"index": 7, "seed": 3, "height": 64, "width": 128}
    a, b = draw_scene(**arguments), draw_scene(**arguments | other)
    assert (a.label != b.label).mean() > 0.02


@pytest.mark.parametrize("size", [(32, 32), (37, 91), (16, 16), (90, 30), (16, 256), (128, 255)])
def test_arrays_fit_any_size(size):
    drawn = draw_scene(2, height=size[0], width=size[1])
    assert (drawn.label.shape, drawn.label.dtype) == (size, np.uint8)
    assert (drawn.instance.shape, drawn.instance.dtype) == (size, np.int32)
    assert (drawn.image.shape, drawn.image.dtype) == ((*size, 3), np.uint8)


def test_ids_and_styles_are_consistent():
    for index in range(50):
        drawn = scene(index)
        expected = np.where(drawn.instance >= 1000, drawn.instance // 1000, drawn.instance)
        assert np.array_equal(drawn.label, expected)
        assert set(drawn.styles) == set(np.unique(drawn.instance).tolist())
        for instance, style in drawn.styles.items():
            assert 0 <= style < len(STYLES[CLASSES[class_of(instance)].name])


def test_every_class_occurs_soon():
    seen = set().union(*(np.unique(scene(index).label).tolist() for index in range(50)))
    assert seen == set(range(len(CLASSES)))


def test_every_style_occurs():
    found = (pair for index in range(200) for pair in scene(index).styles.items())
    seen = {(CLASSES[class_of(instance)].name, style) for instance, style in found}
    assert seen == {(name, s) for name, styles in STYLES.items() for s in range(len(styles))}


def test_the_first_style_of_a_class_is_the_commonest():
    for styles in STYLES.values():
        assert styles[0].share == max(style.share for style in styles)
        assert sum(style.share for style in styles) == pytest.approx(1)


def test_styles_of_a_class_differ_clearly_in_mean_colour(colours):
    for name, styles in STYLES.items():
        means = [np.mean(colours[name, number], axis=0) for number in range(len(styles))]
        assert all(np.linalg.norm(a - b) >= 60 for a, b in combinations(means, 2)), name


def test_instances_look_like_their_own_style(colours):
    hits = defaultdict(list)
    for (name, style), instances in colours.items():
        means = np.array([np.mean(colours[name, s], axis=0) for s in range(len(STYLES[name]))])
        distances = np.linalg.norm(np.array(instances)[:, None] - means, axis=-1)
        hits[name].extend(distances.argmin(1) == style)
    assert {name: np.mean(h) >= 0.95 for name, h in hits.items()} == dict.fromkeys(STYLES, True)


@pytest.mark.parametrize("index", range(5))
def test_the_size_does_not_change_the_scene(index):
    large = draw_scene(index, height=128, width=256)
    assert (large.label[::2, ::2] == scene(index).label).mean() >= 0.93
    assert (large.instance[1::2, 1::2] == scene(index).instance).mean() >= 0.93
    small = cv2.resize(large.image, (128, 64), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - scene(index).image).mean() < 8


def test_the_photo_lies_on_the_maps():
    """Moved by a pixel either way, the instances explain the colours of the photo worse."""

    def unexplained(drawn, shift):
        ids = np.roll(drawn.instance, shift, (0, 1))[2:-2, 2:-2].ravel()
        pixels = drawn.image[2:-2, 2:-2].reshape(-1, 3).astype(float)
        _, groups, sizes = np.unique(ids, return_inverse=True, return_counts=True)
        sums = np.stack([np.bincount(groups, channel) for channel in pixels.T], axis=-1)
        return np.square(pixels - (sums / sizes[:, None])[groups]).sum()

    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        moved = sum(unexplained(scene(index), shift) for index in range(10))
        assert moved > sum(unexplained(scene(index), (0, 0)) for index in range(10))


@pytest.mark.parametrize("size", [(15, 64), (64, 15), (16, 1024)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(DataError, match=f"{size[0]}x{size[1]}.*at least 16"):
        draw_scene(0, height=size[0], width=size[1])


@pytest.fixture(scope="module")
def make_scenes():
    spec = importlib.util.spec_from_file_location("make_scenes", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


SMALL = ["--train", "2", "--val", "1", "--height", "32", "--width", "64", "--seed", "5"]


def test_the_script_writes_what_is_drawn(make_scenes, tmp_path):
    assert make_scenes(["--out", str(tmp_path), *SMALL]) == 0
    styles = json.loads((tmp_path / "styles.json").read_text())
    assert {split: len(scenes) for split, scenes in styles.items()} == {"train": 2, "val": 1}
    for split, number, index in (("train", 0, 0), ("train", 1, 1), ("val", 0, VAL_OFFSET)):
        drawn, name = draw_scene(index, seed=5, height=32, width=64), f"scene_{number:05}"

        def read(part, name=name, split=split):
            path = tmp_path / f"{split}_{part[0]}" / f"{name}_{part[1]}.png"
            return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)

        label, instance = read(("label", "labelIds")), read(("inst", "instanceIds"))
        assert (label.dtype, instance.dtype) == (np.uint8, np.uint16)
        assert np.array_equal(label, drawn.label)
        assert np.array_equal(instance, drawn.instance)
        assert np.array_equal(read(("img", "img"))[..., ::-1], drawn.image)
        names = {i: STYLES[CLASSES[class_of(i)].name][s].name for i, s in drawn.styles.items()}
        assert styles[split][name] == {str(i): style for i, style in names.items()}
    assert (tmp_path / "classes.txt").read_text().split() == [known.name for known in CLASSES]
    assert (tmp_path / "palette.txt").read_text().splitlines()[0] == "70 130 180 sky"


def test_the_script_says_where_and_how_much_before_it_writes(make_scenes, tmp_path, capsys):
    size = ["--train", "30", "--val", "10", "--height", "128", "--width", "256"]
    assert make_scenes(["--out", str(tmp_path / "new"), *size]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{tmp_path / 'new'}: writing 30 + 10 scenes of 256x128, about 3 MB")
    written = sum(path.stat().st_size for path in (tmp_path / "new").rglob("*.png"))
    assert round(written / 1e6) == 3
    assert f"img2img train --data {tmp_path / 'new'}" in last


def test_the_script_refuses_a_folder_in_use(make_scenes, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert make_scenes(["--out", str(tmp_path), *SMALL]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert make_scenes(["--out", str(tmp_path), *SMALL, "--overwrite"]) == 0
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_the_script_writes_a_split_alone(make_scenes, tmp_path):
    assert make_scenes(["--out", str(tmp_path / "new"), *SMALL, "--train", "0"]) == 0
    assert not any((tmp_path / "new" / "train_img").iterdir())
    assert len(list((tmp_path / "new" / "val_img").iterdir())) == 1


def test_the_script_refuses_a_small_size_and_needs_no_torch(tmp_path):
    code = (
        "import runpy, sys; sys.modules['torch'] = None; "
        f"sys.argv = ['make_scenes', '--out', {str(tmp_path / 'new')!r}, '--height', '8']; "
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[1])
    assert run.returncode == 2
    assert "8x256" in run.stderr and "Traceback" not in run.stderr
    assert not (tmp_path / "new").exists()


def test_exact_scenes_differ_in_colour_alone_and_little():
    scene, exact = (draw_scene(3, seed=1, height=64, width=128, exact=e) for e in (False, True))
    assert np.array_equal(scene.label, exact.label) and scene.styles == exact.styles
    change = np.abs(scene.image.astype(int) - exact.image)
    assert 0 < change.max() <= 2 * JITTER  # shading may strengthen it
    cars = [i for i in exact.styles if i // 1000 == 6]
    for car in cars:
        colour = np.array(STYLES["car"][exact.styles[car]].colour)
        near = np.abs(exact.image[exact.instance == car].astype(int) - colour).max(1)
        assert (near <= 4).any()  # its paint, but for the noise of the photo
    assert cars
