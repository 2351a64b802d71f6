"""The semi-supervised GAN: who keeps a class, what the losses are, what is measured."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from img2img.cli import main
from img2img.config import load_config
from img2img.data.pictures.describe import describe_pictures
from img2img.data.spec import DataSpec, ImageSpec
from img2img.errors import DataError
from img2img.models import OPTIONS, build_model
from img2img.schema import DataConfig

SIDE = 16
TINY = [
    *("--model", "semi_supervised", "--data", "digits.csv", "--device", "cpu"),
    *("model.width=4", "model.d_width=8", "training.batch_size=6", "training.workers=0"),
    *("data.flip=false", "training.samples=1", "model.labelled_per_class=2"),
]


@pytest.fixture(autouse=True)
def digits(tmp_path, monkeypatch):
    """60 pictures of three classes by turns: a square that is the larger the higher the class."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        image = rng.integers(0, 60, (SIDE, SIDE))
        image[: 3 + 5 * (number % 3), : 3 + 5 * (number % 3)] += 190
        rows.append(",".join(map(str, [*image.ravel(), number % 3])))
    Path("digits.csv").write_text("\n".join(rows))


def described(**settings):
    config = DataConfig(path="digits.csv", flip=False, **settings)
    return describe_pictures(config, classes=True, labelled=2)


def test_the_first_of_each_class_keep_it_and_held_out_pictures_are_no_others():
    data = described(val_fraction=0.2)
    rows = np.loadtxt("digits.csv", delimiter=",")
    place = {tuple(row[:-1]): number for number, row in enumerate(rows)}

    def numbers(source, name):
        return [place[tuple(source.read(i)[name].ravel())] for i in range(len(source))]

    seen, held_out = numbers(data.train, "target"), numbers(data.val, "target")
    assert len(held_out) == round(0.2 * 54) and min(held_out) > 5
    assert sorted(seen + held_out) == list(range(60))
    labelled = numbers(data.train, "labelled")
    assert set(labelled) == set(range(6))  # two of each class
    assert [labelled.count(number) for number in range(6)] == [9, 8, 8, 8, 8, 8]
    assert [int(data.train.read(i)["class"]) for i in range(49)] == [n % 3 for n in labelled]
    assert numbers(data.val, "labelled") == held_out
    assert [int(data.val.read(i)["class"]) for i in range(11)] == [n % 3 for n in held_out]
    assert "6 pictures of 3 classes keep their class, the other 43 are unlabelled; 11 are held" in (
        " ".join(data.remarks)
    )
    assert "without effect" not in " ".join(data.remarks)


def test_pictures_without_classes_are_refused():
    Path("plain").mkdir()
    from PIL import Image

    for number in range(3):
        Image.new("L", (SIDE, SIDE), number * 80).save(f"plain/{number}.png")
    with pytest.raises(DataError, match="the pictures have no classes"):
        describe_pictures(DataConfig(path="plain"), classes=True, labelled=2)


def test_losses_are_those_of_k_plus_one_classes():
    config = load_config(OPTIONS, overrides={"model": "semi_supervised", "model.d_width": 4})
    spec = DataSpec(
        inputs=(), class_names=("a", "b", "c"), target=ImageSpec(channels=1), size=(SIDE, SIDE)
    )
    torch.manual_seed(0)
    model = build_model(config, spec)
    for parameter in model.discriminator.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.2)
    pictures = torch.rand(3, 5, 1, SIDE, SIDE) * 2 - 1
    batch = dict(zip(("target", "labelled"), pictures[:2], strict=True))
    batch["class"], out = torch.tensor([0, 1, 2, 2, 0]), {"fake": pictures[2]}
    (on_real, real), (on_labelled, _), (on_fake, fake) = map(model.discriminator, pictures)
    # Salimans et al. 2016, Sec. 5, with the K + 1 probabilities written out.
    of_real, of_fake = (F.pad(x, (0, 1)).softmax(1) for x in (on_real, on_fake))
    found = model.losses("d", batch, out)
    torch.testing.assert_close(found["real"], -(1 - of_real[:, 3]).log().mean())
    torch.testing.assert_close(found["fake"], -of_fake[:, 3].log().mean())
    joined = F.pad(on_labelled, (0, 1)).softmax(1)  # p(y | x, y < K + 1)
    share = joined[range(5), batch["class"]] / joined[:, :3].sum(1)
    torch.testing.assert_close(found["label"], -share.log().mean())
    found = model.losses("g", batch, out)
    distance = (real.mean(0) - fake.mean(0)).square().sum()
    torch.testing.assert_close(found["features"], distance)
    torch.testing.assert_close(model.weigh("g", found), distance)  # by features alone
    torch.testing.assert_close(
        model.weigh("d", model.losses("d", batch, dict(out))),
        sum(model.losses("d", batch, dict(out)).values()),
    )


def test_it_learns_to_classify_from_two_pictures_a_class():
    settings = ["training.steps=60", "training.validate_every=60", *TINY]
    settings += ["training.lr=2e-3", "training.log_every=20", "data.val_fraction=0.4"]
    assert main(["train", "--run", "s", *settings]) == 0
    lines = [json.loads(x) for x in Path("runs/s/metrics.jsonl").read_text().splitlines()]
    scores = [line["val/accuracy"] for line in lines if "val/accuracy" in line]
    assert len(scores) == 1 and scores[0] > 0.9
    assert not Path("runs/s/checkpoints/best.safetensors").exists()
    assert main(["generate", "--run", "s", "-n", "3", "--nearest", "--grid", "g.png"]) == 0
    assert main(["generate", "--run", "s", "-n", "3", "--class", "1"]) == 2


def test_where_every_picture_would_keep_its_class_nothing_is_trained(capsys):
    assert main(["train", *TINY, "model.labelled_per_class=20", "--max-steps", "1"]) == 2
    error = capsys.readouterr().err
    assert "none is left without a class; set less than 20" in error
