"""`img2img generate`, through the real command line on tiny runs."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import img2img
from img2img.cli import main
from img2img.data.sheets import CAPTION, SEAM, to_picture
from img2img.errors import ConfigError, DataError
from img2img.inference.sampler import LatentSampler
from img2img.inference.showing import NEIGHBOURS

SIDE, FACTOR = 8, 8  # of a picture, and how much larger it is in a grid
CELL = SIDE * FACTOR + SEAM


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
    tiny += ["training.lr=0.1"]  # so that the pictures are not all grey, and can be told apart
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


def cells(path, columns, *, rows, top=0):
    """The pictures (rows, columns, SIDE, SIDE) of a grid, of grey levels, without captions."""
    grid = read(path)[..., 0].astype(int)
    left = grid.shape[1] - columns * CELL
    assert grid.shape[0] == top + rows * CELL + SEAM and left >= SEAM
    return np.stack(
        [
            [
                grid[y : y + SIDE * FACTOR : FACTOR, x : x + SIDE * FACTOR : FACTOR]
                for x in range(left, grid.shape[1], CELL)
            ]
            for y in range(top + SEAM, grid.shape[0], CELL)
        ]
    )


def drawn(sampler, latents):
    """The sampler's own pictures (N, SIDE, SIDE) of latents, of grey levels."""
    pictures = [to_picture(image)[..., 0] for image in sampler.render(latents)]
    return np.stack(pictures).astype(int)


def apart(one, other):
    """The greatest difference of two pictures in grey levels."""
    return np.abs(one - other).max()


def test_pictures_depend_on_their_seed_alone(runs):
    assert generate(runs, "dcgan", "-n", "3", "--seed", "5", "--out", "three") == 0
    assert generate(runs, "dcgan", "-n", "1", "--seed", "6", "--out", "alone") == 0
    names = sorted(path.name for path in Path("three").glob("*.png"))
    assert names == [f"seed-{number:010d}.png" for number in (5, 6, 7)]
    pictures = [read(f"three/{name}") for name in names]
    assert pictures[0].shape == (SIDE, SIDE) and pictures[0].dtype == np.uint8
    assert np.array_equal(read("alone/seed-0000000006.png"), pictures[1])
    assert not np.array_equal(pictures[0], pictures[1])


def test_class_is_obeyed(runs):
    sampler = LatentSampler.load(runs / "cgan", device="cpu")
    assert sampler.latents.classes == ("0", "1", "2")
    of_class = [sampler.draw([3], kind=kind) for kind in "012"]
    assert not np.array_equal(of_class[0], of_class[1])
    assert generate(runs, "cgan", "-n", "2", "--seed", "3", "--class", "2") == 0
    folder = Path("generated/cgan-step-00000002")
    assert np.array_equal(read(folder / "seed-0000000003.png"), of_class[2][0, ..., 0])


def recorded(folder):
    return [json.loads(line) for line in (folder / "pictures.jsonl").read_text().splitlines()]


def test_a_folder_says_what_its_pictures_are(runs, capsys):
    sampler, folder = LatentSampler.load(runs / "cgan", device="cpu"), Path("drawn")
    assert generate(runs, "cgan", "-n", "3", "--out", "drawn") == 0
    assert generate(runs, "cgan", "-n", "3", "--seed", "2", "--class", "1", "--out", "drawn") == 0
    head, *lines = recorded(folder)
    assert head == {
        "checkpoint": str((runs / "cgan/checkpoints/step-00000002.safetensors").resolve())
    }
    at_random = [str(number) for number in sampler.latents_of([0, 1])["class"].tolist()]
    assert [line["class"] for line in lines] == [*at_random, "1", "1", "1"]
    for seed, line in enumerate(lines):
        assert line["file"] == f"seed-{seed:010d}.png"
        picture = sampler.draw([seed], kind=line["class"])[0, ..., 0]
        assert np.array_equal(read(folder / line["file"]), picture)
    # Another run's pictures are not mixed with these, nor are pictures that nobody recorded.
    before = {path: path.read_bytes() for path in folder.iterdir()}
    capsys.readouterr()
    assert generate(runs, "dcgan", "-n", "1", "--out", "drawn") == 2
    assert "there are other pictures, by " in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "pictures.jsonl").unlink()
    assert generate(runs, "cgan", "-n", "1", "--out", "drawn") == 2
    assert "such as seed-0000000000.png; choose another --out" in capsys.readouterr().err
    (folder / "pictures.jsonl").write_text("[]")
    assert generate(runs, "cgan", "-n", "1", "--out", "drawn") == 2
    assert "no record of drawn pictures" in capsys.readouterr().err


def test_grid_names_the_classes(runs, capsys):
    assert generate(runs, "cgan", "-n", "3", "--seed", "4", "--grid", "new/grid.png") == 0
    sampler = LatentSampler.load(runs / "cgan", device="cpu")
    names = [sampler.latents.classes[c] for c in sampler.latents_of([4, 5, 6])["class"].tolist()]
    said = ", ".join(f"{seed} {name}" for seed, name in zip((4, 5, 6), names, strict=True))
    assert f"class of each seed: {said}\n" in capsys.readouterr().out
    assert Path("new/grid.png").is_file()


def test_grid_holds_all(runs):
    assert generate(runs, "dcgan", "-n", "5", "--grid", "grid.png") == 0
    grid = read("grid.png")
    assert grid.shape == (2 * CELL + SEAM, 3 * CELL + SEAM, 3)
    sampler = LatentSampler.load(runs / "dcgan", device="cpu")
    pictures = cells("grid.png", 3, rows=2).reshape(6, SIDE, SIDE)
    assert np.array_equal(pictures[:5], sampler.draw(range(5))[..., 0])
    assert not Path("generated").exists()


def test_interpolation_begins_and_ends_at_the_seeds(runs):
    arguments = ["--interpolate", "4", "9", "--frames", "6"]
    assert generate(runs, "dcgan", *arguments, "--grid", "way.png") == 0
    sampler = LatentSampler.load(runs / "dcgan", device="cpu")
    [frames] = cells("way.png", 6, rows=1)
    assert apart(frames[[0, 5]], sampler.draw([4, 9])[..., 0]) <= 1
    assert generate(runs, "dcgan", *arguments, "--grid", "way.gif") == 0
    film = Image.open("way.gif")
    assert film.n_frames == 10 and min(film.size) >= 150  # there and back, large enough to see
    assert film.info["duration"] > 300  # a rest at the ends
    film.seek(1)
    assert film.info["duration"] < 100


def test_interpolation_keeps_to_the_arc(runs):
    """Half way it is on the bisector of the angle, as long as the ends are on average."""
    sampler = LatentSampler.load(runs / "dcgan", device="cpu")
    arguments = ["--interpolate", "4", "9", "--frames", "7", "--grid", "way.png"]
    assert generate(runs, "dcgan", *arguments) == 0
    one, other = sampler.latents_of([4, 9])["z"]
    bisector = one / one.norm() + other / other.norm()
    middle = bisector / bisector.norm() * (one.norm() + other.norm()) / 2
    line = (one + other) / 2
    [frames] = cells("way.png", 7, rows=1)
    [arc, straight] = drawn(sampler, {"z": torch.stack([middle, line])})
    assert apart(frames[3], arc) <= 1 and apart(arc, straight) > 5


def test_interpolation_of_a_class(runs):
    sampler = LatentSampler.load(runs / "cgan", device="cpu")
    arguments = ["--interpolate", "4", "9", "--class", "2", "--frames", "2", "--grid", "way.png"]
    assert generate(runs, "cgan", *arguments) == 0
    [frames] = cells("way.png", 2, rows=1)
    latents = sampler.latents_of([4, 9])
    expected = drawn(sampler, latents | {"class": torch.tensor([2, 2])})
    assert apart(frames, expected) <= 1
    assert apart(expected, drawn(sampler, latents | {"class": torch.tensor([0, 0])})) > 5


@pytest.mark.parametrize("code", [1, 2, 3])
def test_each_column_of_a_traversal_is_one_value_of_the_code(runs, code):
    sampler = LatentSampler.load(runs / "infogan", device="cpu")
    arguments = ["-n", "2", "--seed", "3", "--traverse", f"code={code}", "--grid", "code.png"]
    assert generate(runs, "infogan", *arguments) == 0
    pictures = cells("code.png", 10, rows=2, top=CAPTION)
    for row, number in zip(pictures, (3, 4), strict=True):
        for column, shown in enumerate(row):
            latents = sampler.latents_of([number])
            if code == 1:
                latents["category"] = torch.tensor([column])
            else:
                latents["codes"][0, code - 2] = -2 + 4 * column / 9
            assert apart(shown, drawn(sampler, latents)[0]) <= 1
    assert apart(pictures[0, 0], pictures[0, 9]) > 5 and apart(pictures[0, 0], pictures[1, 0]) > 5


def test_arithmetic_is_of_the_means_of_z(runs):
    sampler = LatentSampler.load(runs / "dcgan", device="cpu")
    Path("names.json").write_text(json.dumps({"a": [1, 2, 3], "b": [4], "c_d": [5, 6]}))
    arguments = ["--arithmetic", "a - b + c_d", "--names", "names.json", "--grid", "sum.png"]
    assert generate(runs, "dcgan", *arguments) == 0
    pictures = cells("sum.png", 10, rows=4, top=CAPTION)
    a, b, c = (sampler.latents_of(seeds)["z"] for seeds in ([1, 2, 3], [4], [5, 6]))
    means = torch.stack([a.sum(0) / 3, b[0], c.sum(0) / 2])
    right, without_minus = means[0] - means[1] + means[2], means.sum(0)
    [expected, wrong] = drawn(sampler, {"z": torch.stack([right, without_minus])})
    assert apart(pictures[3, 0], expected) <= 1 and apart(expected, wrong) > 5
    # The variants are near it, and none is the same.
    assert all(apart(variant, expected) > 0 for variant in pictures[3, 1:])
    assert apart(pictures[:3, 0], drawn(sampler, {"z": means})) <= 1
    assert apart(pictures[0, 1:4], drawn(sampler, {"z": a})) <= 1


def test_neighbours_stand_beside_their_pictures(runs, capsys):
    sampler = LatentSampler.load(runs / "cgan", device="cpu")
    assert generate(runs, "cgan", "-n", "2", "--nearest", "--grid", "near.png") == 0
    assert "seed 1: nearest 00000" in capsys.readouterr().out
    pictures = cells("near.png", 1 + NEIGHBOURS, rows=2, top=CAPTION)
    assert apart(pictures[:, 0], drawn(sampler, sampler.latents_of([0, 1]))) <= 1


@pytest.mark.parametrize("chunk", [4, 256])
def test_nearest_of_a_training_picture_is_itself(runs, monkeypatch, chunk):
    from img2img.inference import neighbours
    from img2img.tasks import find_data

    monkeypatch.setattr(neighbours, "CHUNK", chunk)  # of nine pictures
    sampler = LatentSampler.load(runs / "dcgan", device="cpu")
    data = find_data(sampler.config)
    image = torch.from_numpy(data.spec.target.normalise(data.train.read(1)["target"]))
    query = image.permute(2, 0, 1)[None]
    [row] = neighbours.nearest_neighbours(query, data, sampler.config.data, count=9)
    assert row[0].name == data.train.name(1) and row[0].distance == 0
    pictures = [data.spec.target.normalise(data.train.read(i)["target"]) for i in range(9)]
    distances = [float(np.sqrt(((other - image.numpy()) ** 2).mean())) for other in pictures]
    assert [each.distance for each in row] == pytest.approx(sorted(distances), rel=1e-5)
    order = [data.train.name(int(i)) for i in np.argsort(distances)]
    assert [each.name for each in row] == order


INFOGAN = "its codes are 1 (categorical), 2 (continuous), 3 (continuous)"
SUM = ["--arithmetic", "a", "--names", "names.json"]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("dcgan", ["--class", "1"], "draws without a class; cgan and acgan"),
        ("cgan", ["--class", "7"], "the run has no such class"),
        ("cgan", ["--interpolate", "1", "2", "--class", "7"], "the run has no such class"),
        ("infogan", ["--traverse", "code=1", "--class", "7"], "draws without a class"),
        ("infogan", ["--traverse", "code=2", "--class", "7"], "draws without a class"),
        ("cgan", ["--traverse", "code=1", "--class", "1"], "it has no codes; infogan has"),
        ("dcgan", ["--traverse", "code=1"], "it has no codes; infogan has"),
        ("infogan", ["--traverse", "code=0"], INFOGAN),
        ("infogan", ["--traverse", "code=4"], INFOGAN),
        ("infogan", ["--traverse", "2"], "--traverse '2': expected code=K"),
        ("infogan", ["--traverse", ""], "--traverse '': expected code=K"),
        (
            "infogan",
            ["--traverse", "code=1", "--frames", "5"],
            "a picture for each of its 10 values",
        ),
        ("dcgan", ["--arithmetic", "a"], "needs --names"),
        ("dcgan", ["--arithmetic", ""], "needs --names"),
        ("dcgan", ["--arithmetic", "", "--names", "names.json"], "'': expected names with + or -"),
        ("dcgan", ["--arithmetic", "a+x", "--names", "names.json"], "unknown name 'x'"),
        ("dcgan", ["--arithmetic", "a", "--names", "none.json"], "none.json: cannot be read"),
        ("dcgan", ["--arithmetic", "a", "--names", "bad.json"], "'a' has [-1]; expected"),
        ("dcgan", [*SUM, "-n", "3"], "-n is not of --arithmetic"),
        ("dcgan", ["--grid", "grid.jpg"], "grid.jpg: a name ends in .png or .tif or .npy"),
        ("dcgan", ["--grid", "grid.gif"], "only --interpolate makes a .gif"),
        ("dcgan", ["--grid", ".", "--nearest"], "is a folder; name a file, such as grid.png"),
        ("dcgan", ["--interpolate", "1", "2", "--grid", "w.mp4"], "or .npy or .gif"),
        ("dcgan", ["--data", "x"], "--data is of --nearest"),
        ("dcgan", ["--nearest", "--data", "x"], "x: there is no such folder"),
        ("dcgan", ["--grid", "grid.png", "--out", "here"], "--grid makes one picture of all"),
        ("dcgan", ["--nearest", "--out", "here"], "--nearest makes one picture of all"),
        ("dcgan", ["--interpolate", "1", "2", "--out", "here"], "--interpolate makes one picture"),
        ("dcgan", [*SUM, "--out", "here"], "--arithmetic makes one picture"),
        ("infogan", ["--traverse", "code=1", "--out", "here"], "--traverse makes one picture"),
        ("dcgan", ["--frames", "5"], "--frames is of --interpolate or --traverse"),
        ("dcgan", ["--interpolate", "1", "2", "--frames", "1"], "at least 2 pictures"),
        (
            "dcgan",
            ["--interpolate", "1", "2", "-n", "16"],
            "-n and --seed are not of --interpolate",
        ),
        ("dcgan", ["--interpolate", "1", "2", "--seed", "0"], "-n and --seed are not of"),
    ],
)
def test_mistakes_are_one_message(runs, capsys, name, arguments, words):
    Path("names.json").write_text('{"a": [1]}')
    Path("bad.json").write_text('{"a": [-1]}')
    assert generate(runs, name, *arguments) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert not list(Path().glob("*.png"))
    assert not Path("here").exists() and not Path("generated").exists()


def test_runs_of_the_other_kind_are_refused(runs, capsys, tmp_path):
    assert main(["translate", "x.png", "--run", str(runs / "dcgan"), "--device", "cpu"]) == 2
    assert "draw some with `img2img generate" in capsys.readouterr().err
    tiny = ["data.scene_size=[32, 32]", "data.scenes=2", "data.val_scenes=1", "model.patch=16"]
    tiny += ["model.width=4", "model.d_width=4", "training.workers=0", "--max-steps", "1"]
    assert main(["train", "--model", "pix2pix", "--run", "pairs", "--device", "cpu", *tiny]) == 0
    assert main(["generate", "--run", "pairs"]) == 2
    assert "use `img2img translate PICTURE" in capsys.readouterr().err


def test_a_sampler_says_that_it_does_not_translate(runs):
    sampler = img2img.load(runs / "dcgan", device="cpu")
    with pytest.raises(ConfigError, match=r"of dcgan, which draws .* none; use draw\(seeds\)"):
        sampler.translate(np.zeros((SIDE, SIDE), np.int64), seed=1)


def test_z_of_another_size_is_refused(runs):
    sampler = LatentSampler.load(runs / "dcgan", device="cpu")
    with pytest.raises(DataError, match="the run's z has 100 numbers"):
        sampler.render({"z": torch.zeros(1, 99)})
