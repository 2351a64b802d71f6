"""The house rules that a machine can check: imports run one way, files stay readable."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "img2img"

# A layer may import the layers to its right, never one to its left; layers that stand
# together do not import one another.
LAYERS = [
    {"cli", "library"},
    {"ui"},
    {"training"},
    {"tasks"},
    {"evaluation"},
    {"inference"},
    {"models"},
    {"metrics", "checking", "runs"},
    {"data", "networks", "losses", "distributed"},
    {"fields"},
    {"labels", "config", "devices", "manual", "progress", "reporting"},
    {"schema", "places"},
    {"errors", "habits", "foreign", "keys", "lazy", "shortcuts", "text"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("img2img"):
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("img2img"):
                    yield alias.name, []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    own = layer(path)
    if own in ("__init__", "__main__"):  # the front doors
        return
    for module, _ in imports(ast.parse(path.read_text())):
        parts = module.split(".")
        if len(parts) == 1:  # the version
            continue
        other = parts[1]
        if other != own:
            assert RANK[other] > RANK[own], f"{path} imports {module}"


def test_training_knows_no_concrete_model():
    for path in (PACKAGE / "training").glob("*.py"):
        for module, _ in imports(ast.parse(path.read_text())):
            abstract = (
                "img2img.models",
                *(f"img2img.models.{n}" for n in ("abilities", "base", "latents")),
            )
            assert module in abstract or not module.startswith("img2img.models"), (
                f"{path} imports {module}"
            )


def test_only_training_steps():
    for path in FILES:
        if layer(path) == "training" or "judges" in path.parts:
            continue
        calls = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not calls & {"backward", "zero_grad"}, path


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert text.count("\n") <= 320, "split the file"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 62, f"{node.name} is too long"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, "bare except"


def test_help_imports_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys; from img2img.cli import main\n"
        "try: main(['translate', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'numpy', 'albumentations', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
