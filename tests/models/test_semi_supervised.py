"""The semi-supervised GAN: who keeps a class, what the losses are, what is measured."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from gan_runs import drawn
from PIL import Image

from img2img.cli import main
from img2img.config import load_config
from img2img.data.loader import PairDataset
from img2img.data.pictures.describe import describe_pictures
from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.errors import DataError
from img2img.fields.image import ImageSpec
from img2img.models import OPTIONS, build_model
from img2img.schema import DataConfig
from img2img.tasks.generative import GridValidator

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


def test_held_out_pictures_of_a_sorted_set_are_of_all_classes():
    rows = Path("digits.csv").read_text().split("\n")
    Path("digits.csv").write_text("\n".join(sorted(rows, key=lambda row: row[-1])))
    held_out = described(val_fraction=0.2).val
    classes = [int(held_out.read(i)["class"]) for i in range(len(held_out))]
    assert len(classes) == 11 and set(classes) == {0, 1, 2}


def test_pictures_without_classes_are_refused():
    Path("plain").mkdir()
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
    batch["class"], out = torch.tensor([0, 1, 2, 2, 0]), drawn(pictures[2])
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
        model.weigh("d", model.losses("d", batch, out)),
        sum(model.losses("d", batch, out).values()),
    )


def test_it_learns_to_classify_from_two_pictures_a_class():
    settings = ["training.steps=60", "training.validate_every=60", *TINY]
    settings += ["training.lr=2e-3", "training.log_every=20", "data.val_fraction=0.4"]
    assert main(["train", "--run", "s", *settings]) == 0
    lines = [json.loads(x) for x in Path("runs/s/metrics.jsonl").read_text().splitlines()]
    scores = [line["val/accuracy"] for line in lines if "val/accuracy" in line]
    assert len(scores) == 1 and scores[0] > 0.9
    assert "g/adv" in lines[0]  # though its weight is 0
    assert not Path("runs/s/checkpoints/best.safetensors").exists()
    assert main(["generate", "--run", "s", "-n", "3", "--nearest", "--grid", "g.png"]) == 0
    assert main(["generate", "--run", "s", "-n", "3", "--class", "1"]) == 2


def test_where_every_picture_would_keep_its_class_nothing_is_trained(capsys):
    assert main(["train", *TINY, "model.labelled_per_class=20", "--max-steps", "1"]) == 2
    error = capsys.readouterr().err
    assert "none is left without a class; set less than 20" in error


def two_sizes():
    """Class folders of grey pictures, 24x16 and 16x24: class a darkens to the right, b to the left."""
    for name, ramp in (("a", np.arange(32)), ("b", np.arange(32)[::-1])):
        Path("sizes", name).mkdir(parents=True)
        for number in range(20):
            width, height = ((24, 16), (16, 24))[number % 2]
            rows = np.tile(ramp[:width] * 8, (height, 1)).astype(np.uint8)
            Image.fromarray(rows).save(f"sizes/{name}/{number:02d}.png")


def test_held_out_pictures_are_cut_to_the_size_of_the_networks(capsys):
    two_sizes()
    settings = ["training.steps=2", "training.validate_every=2", *TINY, "data.crop=[16,16]"]
    settings += ["data.path=sizes", "data.val_fraction=0.5", "training.log_every=1"]
    assert main(["train", "--run", "c", *settings]) == 0, capsys.readouterr().err
    lines = [json.loads(x) for x in Path("runs/c/metrics.jsonl").read_text().splitlines()]
    score = next(line["val/accuracy"] for line in lines if "val/accuracy" in line)
    assert score * 18 == pytest.approx(round(score * 18))  # a share of the 18 pictures
    assert main(["generate", "--run", "c", "-n", "2", "--nearest", "--grid", "g.png"]) == 0


def test_the_labelled_picture_keeps_its_own_proportions():
    two_sizes()
    config = DataConfig(path="sizes", crop=(16, 16), flip=False)
    spec = describe_pictures(config, classes=True, labelled=2).spec
    wide = np.tile(np.arange(24)[:, None] * 8, (16, 1, 1)).astype(np.uint8)
    tall = np.tile(np.arange(16)[:, None] * 8, (24, 1, 1)).astype(np.uint8)
    for train in (True, False):
        found = JointTransform(config, spec, train=train, centred=True)(
            {"target": tall, "labelled": wide, "class": np.int64(0)}, 3
        )
        assert found["target"].shape == found["labelled"].shape == (1, 16, 16)
        steps = found["labelled"].diff(dim=2)
        torch.testing.assert_close(steps, torch.full_like(steps, 8 / 127.5))  # as wide as it was
    middle = found["labelled"][0, 0] * 127.5 + 127.5
    torch.testing.assert_close(middle, torch.arange(4, 20) * 8.0)
    # Another group than the target's has a draw of its own, the same for a seed.
    config = DataConfig(path="sizes", crop=(16, 16), jitter=0.3, rotate=20)
    transform = JointTransform(config, spec, train=True)
    twice = {"target": wide, "labelled": wide, "class": np.int64(0)}
    found, again = transform(twice, 5), transform(twice, 5)
    assert not torch.equal(found["target"], found["labelled"])
    assert torch.equal(found["labelled"], again["labelled"])


def test_few_held_out_pictures_are_of_all_classes():
    class Knowing(torch.nn.Module):
        """Always right; notes the classes of what it is shown."""

        def classify(self, batch):
            shown.extend(batch["class"].tolist())
            return F.one_hot(batch["class"], 2)

    two_sizes()
    shown: list[int] = []
    config = load_config(
        OPTIONS,
        overrides={
            "model": "semi_supervised", "data.path": "sizes", "data.crop": [16, 16],
            "data.val_fraction": 0.99, "training.val_pairs": 12,
        },
    )  # fmt: skip
    data = describe_pictures(config.data, classes=True, labelled=2)
    transform = JointTransform(config.data, data.spec, train=False, centred=True)
    held_out = PairDataset(data.val, transform)  # 18 of the one class, then 18 of the other
    sampler = GridValidator(config, held_out, torch.device("cpu"))
    assert sampler._classify(Knowing(), lambda: False) == {"val/accuracy": 1.0}
    assert len(shown) == 12 and 3 <= sum(shown) <= 9
