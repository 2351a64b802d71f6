"""`img2img generate`, through the real command line on tiny runs."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from img2img.cli import main
from img2img.data.sheets import CAPTION
from img2img.errors import ConfigError, DataError
from img2img.inference.painter import Painter
from img2img.inference.showing import NEIGHBOURS
from img2img.inference.walks import parse_sum, slerp

SIDE = 8


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with runs of a dcgan, a cgan and an infogan, and what they learnt from."""
    folder = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (9, SIDE * SIDE))
    rows = [",".join(map(str, [*image, number % 3])) for number, image in enumerate(images)]
    (folder / "digits.csv").write_text("\n".join(rows))
    tiny = ["--data", str(folder / "digits.csv"), "--device", "cpu", "--max-steps", "2"]
    tiny += ["model.width=4", "model.d_width=4", "training.batch_size=4", "training.workers=0"]
    for name in ("dcgan", "cgan", "infogan"):
        arguments = ["--model", name, "--run", str(folder / name), *tiny, "data.flip=false"]
        assert main(["train", *arguments]) == 0
    return folder


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def generate(runs, name, *arguments):
    return main(["generate", "--run", str(runs / name), "--device", "cpu", *arguments])


def read(path):
    return np.asarray(Image.open(path))


def test_pictures_depend_on_their_seed_alone(runs):
    assert generate(runs, "dcgan", "-n", "3", "--seed", "5") == 0
    assert generate(runs, "dcgan", "-n", "1", "--seed", "6", "--out", "alone") == 0
    names = sorted(path.name for path in Path("generated").iterdir())
    assert names == [f"seed-{number:010d}.png" for number in (5, 6, 7)]
    pictures = [read(f"generated/{name}") for name in names]
    assert pictures[0].shape == (SIDE, SIDE) and pictures[0].dtype == np.uint8
    assert np.array_equal(read("alone/seed-0000000006.png"), pictures[1])
    assert not np.array_equal(pictures[0], pictures[1])


def test_class_is_obeyed(runs):
    painter = Painter.load(runs / "cgan", device="cpu")
    assert painter.latents.classes == ("0", "1", "2")
    of_class = [painter.draw([3], kind=kind) for kind in "012"]
    assert not np.array_equal(of_class[0], of_class[1])
    assert generate(runs, "cgan", "-n", "2", "--seed", "3", "--class", "2") == 0
    assert np.array_equal(read("generated/seed-0000000003.png"), of_class[2][0, ..., 0])


def test_grid_holds_all(runs):
    assert generate(runs, "dcgan", "-n", "5", "--grid", "grid.png") == 0
    grid = read("grid.png")
    cell = SIDE * 8 + 2
    assert grid.shape == (2 * cell + 2, 3 * cell + 2, 3)
    first = Painter.load(runs / "dcgan", device="cpu").draw([0])[0, ..., 0]
    assert np.array_equal(grid[2:cell:8, 2:cell:8, 0], first)
    assert not Path("generated").exists()


def test_interpolation_begins_and_ends_at_the_seeds(runs):
    arguments = ["--interpolate", "4", "9", "--frames", "6"]
    assert generate(runs, "dcgan", *arguments, "--grid", "way.png") == 0
    painter, cell = Painter.load(runs / "dcgan", device="cpu"), SIDE * 8 + 2
    strip = read("way.png")
    assert strip.shape[1] == 6 * cell + 2
    for place, number in ((0, 4), (5, 9)):
        x = 2 + place * cell
        shown = strip[2 : 2 + SIDE * 8 : 8, x : x + SIDE * 8 : 8, 0].astype(int)
        assert np.abs(shown - painter.draw([number])[0, ..., 0]).max() <= 1
    assert generate(runs, "dcgan", *arguments, "--grid", "way.gif") == 0
    film = Image.open("way.gif")
    assert film.n_frames == 10 and min(film.size) >= 150  # there and back, large enough to see
    assert film.info["duration"] > 300  # a rest at the ends
    film.seek(1)
    assert film.info["duration"] < 100


def test_traversal_arithmetic_and_neighbours_are_drawn(runs, capsys):
    assert generate(runs, "infogan", "-n", "2", "--traverse", "code=1", "--grid", "t.png") == 0
    Path("names.json").write_text(json.dumps({"a": [1, 2, 3], "b": [4], "c_d": [5, 6]}))
    arguments = ["--arithmetic", "a - b + c_d", "--names", "names.json", "--grid", "sum.png"]
    assert generate(runs, "dcgan", *arguments) == 0
    assert read("sum.png").shape[0] == CAPTION + 4 * (SIDE * 8 + 2) + 2
    assert generate(runs, "cgan", "-n", "2", "--nearest", "--grid", "near.png") == 0
    assert "seed 1: nearest 00000" in capsys.readouterr().out
    assert read("near.png").shape[1] > (1 + NEIGHBOURS) * (SIDE * 8 + 2)


def test_nearest_of_a_training_picture_is_itself(runs):
    from img2img.inference.neighbours import nearest_neighbours
    from img2img.models import find_data

    painter = Painter.load(runs / "dcgan", device="cpu")
    data = find_data(painter.config)
    image = torch.from_numpy(data.spec.target.normalise(data.train.read(4)["target"]))
    query = image.permute(2, 0, 1)[None]
    [row] = nearest_neighbours(query, data, painter.config.data, count=3)
    assert row[0].name == data.train.name(4) and row[0].distance == 0
    others = [data.spec.target.normalise(data.train.read(i)["target"]) for i in range(9) if i != 4]
    least = min(float(np.sqrt(((other - image.numpy()) ** 2).mean())) for other in others)
    assert row[1].distance == pytest.approx(least, rel=1e-5)


def test_slerp_is_an_arc():
    start, stop = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    way = slerp(start, stop, 5)
    angles = torch.atan2(way[:, 1], way[:, 0])
    assert torch.allclose(way.norm(dim=1), torch.full((5,), 2.0))
    assert torch.allclose(angles, torch.linspace(0, torch.pi / 2, 5), atol=1e-6)
    longer = slerp(start, 2 * stop, 3)
    assert torch.allclose(longer[1].norm(), torch.tensor(3.0))
    opposite = slerp(start, -start, 3)
    assert opposite.isfinite().all() and torch.equal(slerp(start, start, 3)[1], start)


def test_sums_are_parsed():
    names = dict.fromkeys(["a", "b_c", "d"], [1])
    assert parse_sum("a - b_c+d", names) == [(1, "a"), (-1, "b_c"), (1, "d")]
    assert parse_sum("-a", names) == [(-1, "a")]
    for text, words in (("a b_c", "expected names"), ("", "expected names"), ("a - e", "'e'")):
        with pytest.raises(ConfigError, match=words):
            parse_sum(text, names)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("dcgan", ["--class", "1"], "draws without a class; cgan and acgan"),
        ("cgan", ["--class", "7"], "the run has no such class"),
        ("dcgan", ["--traverse", "code=0"], "it has no codes; infogan has"),
        ("infogan", ["--traverse", "code=2"], "its codes are 0 to 1"),
        ("infogan", ["--traverse", "2"], "expected code=K"),
        ("dcgan", ["--arithmetic", "a"], "needs --names"),
        ("dcgan", ["--arithmetic", "a+x", "--names", "names.json"], "unknown name 'x'"),
        ("dcgan", ["--arithmetic", "a", "--names", "none.json"], "none.json: cannot be read"),
        ("dcgan", ["--arithmetic", "a", "--names", "bad.json"], "with lists of seeds"),
        ("dcgan", ["--grid", "grid.jpg"], "grid.jpg"),
        ("dcgan", ["--frames", "5"], "--frames is of --interpolate or --traverse"),
        ("dcgan", ["--interpolate", "1", "2", "--frames", "1"], "at least 2 pictures"),
    ],
)
def test_mistakes_are_one_message(runs, capsys, name, arguments, words):
    Path("names.json").write_text('{"a": [1]}')
    Path("bad.json").write_text('{"a": [-1]}')
    assert generate(runs, name, *arguments) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error


def test_runs_of_the_other_kind_are_refused(runs, capsys, tmp_path):
    assert main(["translate", "x.png", "--run", str(runs / "dcgan"), "--device", "cpu"]) == 2
    assert "draw some with `img2img generate" in capsys.readouterr().err
    tiny = ["data.scene_size=[32, 32]", "data.scenes=2", "data.val_scenes=1", "model.patch=16"]
    tiny += ["model.width=4", "model.d_width=4", "training.workers=0", "--max-steps", "1"]
    assert main(["train", "--model", "pix2pix", "--run", "pairs", "--device", "cpu", *tiny]) == 0
    assert main(["generate", "--run", "pairs"]) == 2
    assert "use `img2img translate PICTURE" in capsys.readouterr().err


def test_z_of_another_size_is_refused(runs):
    painter = Painter.load(runs / "dcgan", device="cpu")
    with pytest.raises(DataError, match="the run's z has 100 numbers"):
        painter.render({"z": torch.zeros(1, 99)})
