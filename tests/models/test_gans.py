"""Models that draw pictures from noise, through the real command line on tiny pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch
from few import few
from gan_runs import built, checkpoint, lines, train, write_digits
from PIL import Image

from img2img.errors import ConfigError
from img2img.models import MODELS
from img2img.models.base import Output
from img2img.models.latents import COLUMNS, Latents

GANS = [name for name, model in MODELS.items() if model.task == "generative"]
SIDE = 8
TINY = [
    *("--data", "digits.csv", "--device", "cpu"),
    *("model.width=4", "model.d_width=4", "training.batch_size=4", "training.workers=0"),
    *("training.log_every=1", "training.steps=6", "data.flip=false"),
]

OWN = {"semi_supervised": ["model.labelled_per_class=2"]}  # of three or four


@pytest.fixture(autouse=True)
def digits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_digits(SIDE)


@pytest.mark.parametrize("name", few(GANS, "dcgan", "infogan", "began"))
def test_trains_and_resumes_exactly_and_draws_the_same_grid(name):
    assert (
        train("--model", name, "--run", "whole", "--max-steps", "5", *TINY, *OWN.get(name, [])) == 0
    )
    assert (
        train("--model", name, "--run", "parts", "--max-steps", "2", *TINY, *OWN.get(name, [])) == 0
    )
    assert train("--resume", "parts", "--max-steps", "5") == 0
    whole, parts = checkpoint("whole", 5), checkpoint("parts", 5)
    assert whole.keys() == parts.keys()
    assert not [key for key in whole if not torch.equal(whole[key], parts[key])]
    shown = Image.open("runs/whole/samples/step-00000005.png")
    assert shown.tobytes() == Image.open("runs/parts/samples/step-00000005.png").tobytes()
    assert not Path("runs/whole/checkpoints/best.safetensors").exists()
    for line in lines("whole"):
        assert all(np.isfinite(value) for value in line.values())
    before = checkpoint("parts", 2)
    still = [k for k in whole if k.startswith("model/") and k.endswith("weight")]
    assert any(not torch.equal(whole[k], before[k]) for k in still)


@pytest.mark.parametrize(
    "settings",
    [
        ["--model", "gan", "model.width=600"],
        # Batch norm's running statistics would move without learning.
        ["--model", "infogan", "model.width=16", "model.norm=instance"],
    ],
    ids=["gan", "infogan"],
)
def test_every_validation_draws_the_same_noise(settings):
    """A generator that does not learn draws one grid, over and over."""
    still = ["training.lr=1e-30", "training.validate_every=1", "--max-steps", "3"]
    assert train("--run", "still", *TINY, *settings, *still) == 0
    grids = [np.array(Image.open(f"runs/still/samples/step-0000000{n}.png")) for n in (1, 2, 3)]
    assert len(np.unique(grids[0])) > 8
    assert np.array_equal(grids[0], grids[1]) and np.array_equal(grids[0], grids[2])


@pytest.mark.parametrize("name", few(GANS, "dcgan", "began"))
def test_dry_run_forecasts_it(name, capsys):
    assert train("--model", name, "--dry-run", *TINY, *OWN.get(name, [])) == 0
    out = capsys.readouterr().out
    assert "a forecast for the peak" in out and "could not be forecast" not in out


def test_generator_waits_for_the_critic():
    settings = ["model.critic_steps=3", *TINY]
    assert train("--model", "dcgan", "--run", "k", "--max-steps", "5", *settings) == 0
    assert ["g/adv" in line for line in lines("k") if "d/real" in line] == [1, 0, 0, 1, 0]


def test_critics_weights_are_clipped():
    assert train("--model", "wgan", "--run", "w", "--max-steps", "2", *TINY) == 0
    weights = {k: v for k, v in checkpoint("w", 2).items() if "model/discriminator" in k}
    learnt = [v for k, v in weights.items() if k.endswith(("weight", "bias"))]
    assert max(float(v.abs().max()) for v in learnt) <= 0.01 + 1e-9
    assert any(float(v.abs().max()) > 0.0099 for v in learnt)


def test_penalty_is_added_and_needs_no_batch_norm():
    assert train("--model", "wgan_gp", "--run", "p", "--max-steps", "1", *TINY) == 0
    assert lines("p")[0]["d/penalty"] > 0
    with pytest.raises(ConfigError, match=r"model.d_norm=none, instance, reference or virtual"):
        built("wgan_gp", SIDE, d_norm="batch")


def test_balance_follows_the_errors_and_is_kept():
    settings = ["model.k_rate=0.5", *TINY]
    assert train("--model", "began", "--run", "b", "--max-steps", "3", *settings) == 0
    logged = lines("b")
    k = 0.0
    for line in logged[:3]:  # Sec. 3.4: k + 0.5 (gamma L(x) - L(G(z)))
        assert line["d/fake"] <= 0 or k == 0
        k = min(1.0, max(0.0, k + 0.5 * (0.5 * line["d/real"] - line["g/adv"])))
        assert line["d/k"] == pytest.approx(k, abs=1e-5)
        measure = line["d/real"] + abs(0.5 * line["d/real"] - line["g/adv"])
        assert line["d/convergence"] == pytest.approx(measure, rel=1e-4)
    assert float(checkpoint("b", 3)["model/discriminator/k"]) == pytest.approx(k, abs=1e-5)
    assert k > 0


def test_balance_stays_where_an_update_was_skipped():
    model = built("began", SIDE, k_rate=0.5)
    model.discriminator.k.fill_(0.25)
    real, fake, nan = torch.tensor(0.8), torch.tensor(0.1), torch.tensor(float("nan"))
    for errors in ((nan, fake), (real, nan), (nan, nan)):
        model.after("g", Output(fake, None, *errors))
        assert float(model.discriminator.k) == 0.25
    model.after("g", Output(fake, None, real, fake))
    assert float(model.discriminator.k) == pytest.approx(0.25 + 0.5 * (0.5 * 0.8 - 0.1))


def test_smoothed_labels_need_labels():
    built("lsgan", SIDE, real_label=0.9)
    with pytest.raises(ConfigError, match=r"model.real_label is 0.9, but"):
        built("wgan", SIDE, real_label=0.9)


@pytest.mark.parametrize("side", [7, 36])
def test_sizes_that_the_networks_do_not_make_are_refused(side):
    with pytest.raises(ConfigError, match=f"the pictures are {side}x{side}; set data.resize=64"):
        built("dcgan", side)


def test_wrong_data_are_refused_in_one_message(capsys, tmp_path):
    assert train("--model", "pix2pix", *TINY[:4]) == 2
    assert "pix2pix learns from pairs of pictures; from pictures alone learn" in (
        capsys.readouterr().err
    )
    Path("pairs.csv").write_text("A,B\nx.png,y.png\n")
    for data in ("pairs.csv", "none"):  # other mistakes are left to their own message
        assert train("--model", "pix2pix", "--data", data) == 2
        assert "learns from pairs" not in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert train("--model", "dcgan", "--data", "empty") == 2
    assert "no pictures in it" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_noise_has_its_distribution():
    generator = torch.Generator().manual_seed(0)
    uniform = Latents(50, "uniform").draw(400, generator=generator)["z"]
    assert -1 <= uniform.min() < -0.99 and 0.99 < uniform.max() <= 1
    assert abs(float(uniform.std()) - 3**-0.5) < 0.01
    normal = Latents(50, "normal").draw(400, generator=generator)["z"]
    assert abs(float(normal.mean())) < 0.02 and abs(float(normal.std()) - 1) < 0.02


def test_gallery_shows_classes_and_codes_one_by_one():
    generator = torch.Generator().manual_seed(0)
    plain = Latents(5, "normal").gallery(3, COLUMNS, generator)
    assert len(plain) == 3 and not torch.equal(plain[0][1]["z"], plain[1][1]["z"])
    classes = Latents(5, "normal", classes=("x", "y")).gallery(3, COLUMNS, generator)
    assert [caption for caption, _ in classes] == ["x", "y"]
    assert torch.equal(classes[0][1]["z"], classes[1][1]["z"])
    assert [row["class"].unique().tolist() for _, row in classes] == [[0], [1]]
    coded = Latents(5, "normal", categories=2, codes=2).gallery(3, COLUMNS, generator)
    assert [caption for caption, _ in coded] == [
        *("code 1 = 0", "code 1 = 1", "code 2 = -2 to 2", "code 3 = -2 to 2")
    ]
    last = coded[3][1]
    assert len(last["z"].unique(dim=0)) == len(last["category"].unique()) == 1
    assert len(last["codes"][:, 0].unique()) == 1
    assert torch.allclose(last["codes"][:, 1], torch.linspace(-2, 2, COLUMNS))


def test_a_gallery_is_on_the_device_of_its_generator():
    generator = torch.Generator("cpu")
    with torch.device("meta"):  # where tensors go whose device nobody names
        for latents in (
            Latents(5, "normal", classes=("x", "y")),
            Latents(5, "normal", categories=2),
        ):
            rows = [row for _, row in latents.gallery(3, COLUMNS, generator)]
            assert {value.device.type for row in rows for value in row.values()} == {"cpu"}


def test_codes_count_as_in_the_paper():
    """Chen et al. 2016, Sec. 7.2: c1 is categorical, c2 and c3 are continuous."""
    both = Latents(5, "normal", categories=3, codes=2)
    assert both.code_kinds == ("category", "codes", "codes")
    assert Latents(5, "normal", codes=2).code_kinds == ("codes", "codes")
    assert Latents(5, "normal", categories=3).code_kinds == ("category",)
    assert Latents(5, "normal", classes=("x",)).code_kinds == ()
    latents = both.draw(2, generator=torch.Generator().manual_seed(0))
    way = both.traverse(latents, 1, both.code_values(1, 7))
    assert way["category"].tolist() == [0, 1, 2]
    for name in ("z", "codes"):
        assert torch.equal(way[name], latents[name][0].repeat(3, 1))
    way = both.traverse(latents, 2, both.code_values(2, 5))
    assert way["codes"][:, 0].tolist() == [-2, -1, 0, 1, 2]
    assert torch.equal(way["codes"][:, 1], latents["codes"][0, 1].repeat(5))
    assert torch.equal(way["category"], latents["category"][0].repeat(5))
    plain = Latents(5, "normal", codes=2)
    way = plain.traverse(plain.draw(1), 2, plain.code_values(2, 3))
    assert way["codes"][:, 1].tolist() == [-2, 0, 2]


@pytest.mark.parametrize("share", [1.0, 0.25, 0.0])
def test_acgan_names_the_classes_of_real_and_of_generated_pictures(share):
    model = built("acgan", SIDE, **{"weights.label_fake": share})
    classes = torch.tensor([0, 1, 2, 0])
    batch = {"target": torch.rand(4, 1, SIDE, SIDE) * 2 - 1, "class": classes}
    out = model.generate(batch)
    found = model.losses("d", batch, out)["label"]
    real, fake = (
        torch.nn.functional.cross_entropy(model.discriminator(picture)[:, 1:], right)
        for picture, right in ((batch["target"], classes), (out.fake, out.latents["class"]))
    )
    assert found.item() == pytest.approx((real + share * fake).item(), rel=1e-5)
