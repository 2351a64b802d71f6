"""Two processes translate and cluster what one would, to the last bit."""

import json
from pathlib import Path
from shutil import copytree

import pytest
from launches import torchrun

from img2img.cli import main
from img2img.data.scenes import draw_scene
from img2img.fields.files import write_image

pytestmark = pytest.mark.slow
CLUSTER = ["cluster-styles", "--k=2", "--device=cpu"]
TRANSLATE = ["translate", "maps", "--device=cpu", "--style=random", "--seed=3"]
# What one process cannot read ends both, before anything is written. Then all goes well.
SCRIPT = """
import json, os
from pathlib import Path
from img2img.cli import main
from img2img.data.loader import SceneSource
from img2img.errors import DataError

rank = os.environ["RANK"]
read = SceneSource.read
if rank == "1":
    def unreadable(*_): raise DataError("scene 8 is damaged")
    SceneSource.read = unreadable
codes = [main({cluster} + ["--run=./two"])]
written = os.path.exists("two/styles.json")
SceneSource.read = read
codes.append(main({cluster} + ["--run=./two"]))
codes.append(main({translate} + ["--run=./two", "--out=out-two", "--sheet=two.png"]))
Path("done-" + rank).write_text(json.dumps([codes, written]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run `one` and its copy `two`, which two processes worked on, and label maps to translate."""
    root = tmp_path_factory.mktemp("sharing")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        settings = ["model.width=4", "model.n_down=2", "model.n_blocks=1", "model.d_width=4"]
        settings += ["model.features=true", "model.e_width=4", "model.e_down=1"]
        settings += ["data.scenes=20", "data.val_scenes=1", "data.scene_size=[32, 48]"]
        settings += ["model.weights.perceptual=0", "training.workers=0", "--max-steps=1"]
        assert main(["train", "--model=pix2pixHD", "--run=./one", "--device=cpu", *settings]) == 0
        copytree("one", "two")
        Path("maps").mkdir()
        for number in range(15):
            write_image(
                Path(f"maps/{number:02d}.png"), draw_scene(number, height=32, width=48).label
            )
        Path("maps/03.png").write_bytes(b"no picture")
        Path("script.py").write_text(SCRIPT.format(cluster=CLUSTER, translate=TRANSLATE))
        launch = torchrun("script.py")
        assert launch.returncode == 0, launch.stderr
        Path("said.txt").write_text(launch.stdout + launch.stderr)
    return root


@pytest.fixture
def inside(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def pictures(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_all_processes_end_alike(inside):
    codes = [json.loads((inside / f"done-{rank}").read_text()) for rank in (0, 1)]
    assert codes == [[[2, 0, 2], False]] * 2
    said = (inside / "said.txt").read_text()
    assert said.count("error: scene 8 is damaged") == 1
    assert said.count("error: another process could not go on") == 1
    assert said.count("maps/03.png") == 1
    assert said.count("15 in, 14 out: out-two") == said.count("contact sheet: two.png") == 1


def test_two_processes_make_the_book_of_one(inside):
    assert main([*CLUSTER, "--run=./one"]) == 0
    assert (inside / "one/styles.json").read_bytes() == (inside / "two/styles.json").read_bytes()
    assert pictures(inside / "one/styles") == pictures(inside / "two/styles")


def test_two_processes_translate_as_one(inside):
    assert main([*TRANSLATE, "--run=./two", "--out=out-one", "--sheet=one.png"]) == 2
    one, two = pictures(inside / "out-one"), pictures(inside / "out-two")
    assert len(one) == 14 and one == two
    assert (inside / "one.png").read_bytes() == (inside / "two.png").read_bytes()
