"""What `--fit` chooses, what it says about it, and what it refuses."""

import functools

import pytest
import torch
from accelerate import Accelerator

from img2img.cli import main
from img2img.config import load_config, parse_overrides, read_yaml
from img2img.data.describe import describe_data
from img2img.errors import ConfigError
from img2img.models import OPTIONS
from img2img.training.fitting import Budget, fit_into, parse_budget
from img2img.training.forecast import forecast, held_memory

SMALL = {
    "training.device": "cpu",
    "training.batch_size": 4,
    "model.width": 8,
    "model.d_width": 8,
    "data.scene_size": (64, 128),
    "data.scenes": 4,
    "data.val_scenes": 1,
    "training.val_pairs": 0,
    "training.samples": 0,
}
PIX2PIX = {**SMALL, "model": "pix2pix", "model.patch": 16, "model.depth": 3}


class Fitting:
    """A training whose settings are changed to fit."""

    def __init__(self, options):
        self.config = load_config(OPTIONS, overrides=options)
        self.data = describe_data(self.config.data)

    @functools.cache
    def needs(self, crop=None, **changes):
        """Bytes with a crop, and with some settings of `training` changed."""
        config = self.config.model_copy(
            update={
                "training": self.config.training.model_copy(update=changes),
                "data": self.config.data.model_copy(update={"crop": crop}),
            }
        )
        return forecast(config, self.data.cropped(config.data), Accelerator(cpu=True)).peak

    def into(self, size):
        return fit_into(Budget(size, "the test"), self.config, self.data, Accelerator(cpu=True))


@pytest.fixture(scope="module")
def fitting():
    return Fitting(PIX2PIX)


def test_what_fits_is_left_as_it_is(fitting):
    plan, remarks = fitting.into(fitting.needs())
    assert plan.config == fitting.config and plan.data.spec == fitting.data.spec
    assert plan.changes == {}
    assert remarks == [f"fits into the test: {plan.forecast.peak / 1e9:.2f} GB at the peak"]


@pytest.mark.parametrize("size", [2, 1])
def test_first_the_batch_becomes_smaller_and_a_step_keeps_its_pairs(fitting, size):
    need = fitting.needs(batch_size=size, accumulation=4 // size)
    plan, remarks = fitting.into(need)
    changes = {"training.batch_size": size, "training.accumulation": 4 // size}
    assert plan.changes == changes
    assert plan.config.training.batch_size == size
    assert plan.forecast.peak == need
    written = f"training.batch_size={size} training.accumulation={4 // size}"
    assert remarks[:1] == [
        f"to fit into the test: {written}, which needs {need / 1e9:.2f} GB instead of "
        f"{fitting.needs() / 1e9:.2f} GB"
    ]
    again = load_config(OPTIONS, overrides={**PIX2PIX, **parse_overrides(written.split())})
    assert again.model_dump() == plan.config.model_dump()


@pytest.mark.slow
def test_then_activations_are_recomputed_with_the_largest_batch_that_fits(fitting):
    need = fitting.needs(batch_size=1, accumulation=4, activation_checkpointing=True)
    assert need < fitting.needs(batch_size=1, accumulation=4)
    plan, remarks = fitting.into(need)
    assert plan.changes == {
        "training.batch_size": 1,
        "training.accumulation": 4,
        "training.activation_checkpointing": True,
    }
    assert "training.activation_checkpointing=true" in remarks[0]


@pytest.mark.slow
def test_last_the_crop_becomes_smaller(fitting):
    less = {"batch_size": 1, "accumulation": 4, "activation_checkpointing": True}
    plan, remarks = fitting.into(fitting.needs(**less) - 1)
    height, width = plan.config.data.crop
    assert height % 8 == width % 8 == 0  # three halvings
    assert (height, width) == (56, 112)  # the largest of the picture's shape: 7/8
    assert plan.data.spec.size == (56, 112)
    assert f"'data.crop=[{height}, {width}]'" in remarks[0]
    smaller, _ = fitting.into(fitting.needs(**less, crop=(32, 64)))
    assert smaller.config.data.crop == (32, 64)


@pytest.mark.slow
def test_what_never_fits_is_said_with_the_least_it_needs(fitting):
    least = fitting.needs(batch_size=1, accumulation=4, activation_checkpointing=True, crop=(8, 16))
    with pytest.raises(ConfigError) as error:
        fitting.into(least - 1)
    message = str(error.value)
    assert "does not fit into the test" in message
    assert f"as configured it needs {fitting.needs() / 1e9:.2f} GB" in message
    assert f"'data.crop=[8, 16]' still {least / 1e9:.2f} GB" in message
    plan, _ = fitting.into(least)
    assert plan.config.data.crop == (8, 16)


def test_crops_leave_the_discriminator_room():
    fitting = Fitting({**PIX2PIX, "model.patch": 70, "training.batch_size": 1})
    with pytest.raises(ConfigError, match=r"data.crop=\[24, 48\]"):  # three strided layers: 24
        fitting.into(1)


@pytest.mark.slow
def test_a_unet_for_small_crops_halves_less_often():
    fitting = Fitting({**PIX2PIX, "model.depth": None, "training.batch_size": 1})
    plan, remarks = fitting.into(fitting.needs(activation_checkpointing=True) - 1)
    assert plan.config.data.crop == (32, 96)  # five halvings instead of six
    assert "a U-Net halves less often" in remarks[-1]


def test_what_another_batch_changes_is_said():
    fitting = Fitting({**PIX2PIX, "model.norm": "batch"})
    _, remarks = fitting.into(fitting.needs(batch_size=2, accumulation=2))
    assert remarks[1:] == [
        "with accumulation, the generator's losses are those of the discriminator before the "
        "step, not after it",
        "batch norm then takes its statistics over 2 pictures instead of 4",
    ]


@pytest.mark.parametrize(
    "text, size",
    [
        ("8GB", 8e9),
        ("8 gb", 8e9),
        ("7.5GiB", 7.5 * 2**30),
        ("9000MB", 9e9),
        ("9000MiB", 9000 * 2**20),
    ],
)
def test_sizes_are_read(text, size):
    accelerator = Accelerator(cpu=True)
    budget = parse_budget(text, accelerator)
    assert budget.size == pytest.approx(size - held_memory(accelerator.device), rel=0.01)
    assert budget.text.startswith(text)


@pytest.mark.parametrize("text", ["8", "GB", "8TB", "-8GB", "8GBs", "eight GB", "nan GB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ConfigError, match="expected a size such as 8GB"):
        parse_budget(text, Accelerator(cpu=True))


ARGUMENTS = [f"{key}={list(v) if isinstance(v, tuple) else v}" for key, v in PIX2PIX.items()]
ARGUMENTS += ["training.workers=0", "training.max_steps=1"]


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_trains_with_the_settings_that_fit(inside, capsys, fitting):
    """A budget between the needs of all batches and of the smallest."""
    largest, least = fitting.needs(), fitting.needs(batch_size=1, accumulation=4)
    held = held_memory(torch.device("cpu"))
    size = f"{(held + (largest + least) // 2) // 10**6}MB"
    assert main(["train", "--run", "fitted", "--fit", size, *ARGUMENTS]) == 0
    assert f"to fit into {size}, " in capsys.readouterr().out
    training = read_yaml(inside / "runs" / "fitted" / "config.yaml")["training"]
    assert training["batch_size"] < 4
    assert training["batch_size"] * training["accumulation"] == 4


def test_fit_alone_takes_what_is_free(inside, capsys):
    assert main(["train", "--dry-run", "--fit", *ARGUMENTS]) == 0
    out = capsys.readouterr().out
    assert "fits into the " in out and " GB that are free on cpu now: " in out
    assert not list(inside.iterdir())


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--fit", "1MB"], "Python and its libraries alone hold"),
        (["--fit", "much"], "expected a size such as 8GB"),
    ],
)
def test_mistakes_are_one_message(inside, capsys, arguments, expected):
    assert main(["train", *arguments, *ARGUMENTS]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: --fit") and expected in err
    assert not list(inside.iterdir())


def test_a_resumed_run_keeps_its_settings_but_may_recompute(inside, capsys):
    assert main(["train", "--run", "first", *ARGUMENTS]) == 0
    assert main(["train", "--resume", "first", "--fit", "8GB"]) == 2
    assert "--low-memory" in capsys.readouterr().err
    on = ["training.activation_checkpointing=true", "--max-steps", "2"]
    assert main(["train", "--resume", "first", *on, "--dry-run"]) == 0
    assert "in all" in capsys.readouterr().out
    assert main(["train", "--resume", "first", *on]) == 0
    assert "done: 2 steps" in capsys.readouterr().out
