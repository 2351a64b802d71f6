"""A small run with styles that are seen, and its style book, for all tests of the picker."""

import pytest
import torch

from img2img.cli import main
from img2img.data.scenes import VAL_OFFSET, draw_scene
from img2img.fields.files import write_image

SIZE = (32, 64)
# Enough steps for a car's colour to follow its features: about 10 seconds.
TRAIN = [
    "--model",
    "pix2pixHD",
    "--device",
    "cpu",
    "data.scene_size=[32, 64]",
    "data.scenes=200",
    "data.val_scenes=2",
    "model.features=true",
    "model.generator=unet",
    "model.width=16",
    "model.depth=4",
    "model.e_width=8",
    "model.e_down=2",
    "model.d_width=8",
    "model.num_D=1",
    "model.d_layers=2",
    "model.weights.perceptual=0",
    "training.workers=0",
    "training.batch_size=2",
    "training.lr=2e-3",
    "training.validate_every=1000",
    "training.samples=1",
]


def train_styled(path):
    # Threads that wait for one another take many times longer on networks as small as these
    # wherever the machine has other work.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert main(["train", *TRAIN, "--run", str(path), "--max-steps", "120"]) == 0
        assert main(["cluster-styles", "--run", str(path), "--k", "3", "--no-sheets"]) == 0
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def styled_run(made_once):
    """A run with a style book."""
    return made_once("styled-run", train_styled)


@pytest.fixture(scope="session")
def translator(styled_run):
    from img2img.inference.translator import Translator

    return Translator.load(styled_run, device="cpu")


@pytest.fixture
def engine(translator):
    from img2img.ui.engine import Engine

    return Engine(translator, ["--run", "city"])


@pytest.fixture(scope="session")
def street():
    """A held-out scene."""
    return draw_scene(VAL_OFFSET + 1, height=SIZE[0], width=SIZE[1])


@pytest.fixture(scope="session")
def street_files(street, tmp_path_factory):
    """Its label map; the instance map lies beside it as the run's layout has it."""
    folder = tmp_path_factory.mktemp("street")
    label = folder / "val_label" / "street_labelIds.png"
    instance = folder / "val_inst" / "street_instanceIds.png"
    for path, array in ((label, street.label), (instance, street.instance.astype("uint16"))):
        path.parent.mkdir()
        write_image(path, array)
    return label


@pytest.fixture
def scene(street):
    from img2img.ui.scenes import Scene

    inputs = {"label": street.label.astype("int64"), "instance": street.instance.astype("int64")}
    return Scene("A street", inputs)


@pytest.fixture
def studio(engine, scene):
    from img2img.ui.studio import Studio

    studio = Studio(engine)
    studio.open(scene)
    return studio
