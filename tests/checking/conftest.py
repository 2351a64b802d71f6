"""Checking a folder as the command line does."""

from types import SimpleNamespace

import pytest

from img2img.cli import main


@pytest.fixture
def check(tmp_path, capsys):
    """check(folder, *options) -> exit code, what was said, the page; no traceback ever."""

    def run(root, *options):
        out = tmp_path / "report"
        code = main(["check-data", str(root), "--out", str(out), *options])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        page = (out / "index.html").read_text(encoding="utf-8")
        return SimpleNamespace(code=code, said=said.out, page=page, out=out)

    return run
