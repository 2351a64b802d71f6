"""What people import for loops of their own: documented, with examples that run, cheap, typed."""

import doctest
import importlib
import inspect
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from img2img import losses, networks
from img2img.fields import files

ROOT = Path(__file__).resolve().parents[1]
PARTS = [(package, name) for package in (networks, losses) for name in package.__all__]
IDS = [f"{package.__name__}.{name}" for package, name in PARTS]


def run_examples(thing, name, names):
    """Runs the examples in a docstring; how many there were."""
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for test in finder.find(thing, name, globs=dict(names)):
        runner.run(test)
    found = runner.summarize(verbose=False)
    assert not found.failed, f"{name}: the example above failed"
    return found.attempted


@pytest.mark.parametrize(("package", "name"), PARTS, ids=IDS)
def test_example_runs(package, name):
    thing = getattr(package, name)
    module = inspect.getmodule(thing)
    assert module.__name__.startswith(package.__name__)
    assert run_examples(thing, name, vars(module))


@pytest.mark.parametrize("package", [networks, losses], ids=lambda p: p.__name__)
def test_example_of_the_package_runs(package):
    assert run_examples(package, package.__name__, {})
    assert package.__all__ == sorted(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize(("package", "name"), PARTS, ids=IDS)
def test_arguments_are_plain_and_typed(package, name):
    thing = getattr(package, name)
    call = thing.__init__ if inspect.isclass(thing) else thing
    for parameter in inspect.signature(call).parameters.values():
        if parameter.name != "self":
            assert parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
            assert parameter.annotation is not parameter.empty, parameter


def test_type_checkers_see_the_same_names():
    for package in (networks, losses):
        source = Path(package.__file__).read_text()
        imported = source.split("if TYPE_CHECKING:")[1].split("__all__")[0]
        found = {word.strip("(),") for line in imported.splitlines() for word in line.split()}
        assert set(package.__all__) <= found


def test_a_name_imports_its_own_file_alone():
    code = (
        "import sys, img2img.losses, img2img.networks\n"
        "assert 'torch' not in sys.modules\n"
        "from img2img.networks import UNet\n"
        "others = [m for m in sys.modules if m.startswith('img2img.')]\n"
        "assert 'img2img.networks.unet' in others\n"
        "assert not {'img2img.networks.dcgan', 'img2img.schema', 'img2img.training'} & {*others}\n"
        "assert not {'torchvision', 'accelerate', 'albumentations'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


OLD = {
    "img2img.networks.patchgan": ("PatchGAN", "PatchDiscriminator"),
    "img2img.networks.layers": ("halve", "downsample"),
    "img2img.losses.equilibrium": ("rebuilding_loss", "reconstruction_loss"),
    "img2img.inference.painter": ("Painter", "LatentSampler"),
    "img2img.inference.styles.looks": ("Look", "StyleAssignment"),
    "img2img.distributed.sharing": ("Crew", "ProcessGroup"),
    "img2img.data.loader": ("by_lot", "at_random"),
    "img2img.schema": ("Source", "InputConfig"),
}


@pytest.mark.parametrize("module", OLD)
def test_old_names_work_and_warn(module):
    old, new = OLD[module]
    where = importlib.import_module(module)
    with pytest.warns(DeprecationWarning, match=f"{old} is now called {new}"):
        found = getattr(where, old)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found is getattr(where, new)
    with pytest.raises(AttributeError):
        _ = where.nothing


def test_docs_library_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "library.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    names: dict = {}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/library.md, block {number}", "exec"), names)
    assert "did you mean 'width'?" in capsys.readouterr().out
    moved = [p.grad.abs().sum() > 0 for p in names["generator"].parameters()]
    assert all(moved)
    assert names["g_loss"].isfinite()
    assert names["d_loss"].isfinite()
    for package in (networks, losses):
        assert not [name for name in package.__all__ if f"`{name}`" not in text]


def test_the_former_place_of_reading_files_warns():
    sys.modules.pop("img2img.data.images", None)
    with pytest.warns(DeprecationWarning, match="is now img2img.fields.files"):
        former = importlib.import_module("img2img.data.images")
    assert former.read_image is files.read_image
