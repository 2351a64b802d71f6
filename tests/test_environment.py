"""The set-up that the README promises."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WINDOW_LIBRARIES = ["libGL.so.1", "libgthread-2.0.so.0", "libxcb.so.1", "libglib-2.0.so.0"]


def test_opencv_needs_no_window_system(tmp_path):
    """Empty files stand before the system's libraries: who needs one of them cannot start."""
    for name in WINDOW_LIBRARIES:
        (tmp_path / name).write_bytes(b"")
    code = "import cv2, numpy; print(cv2.resize(numpy.zeros((4, 4)), (2, 2)).shape)"
    environment = {"LD_LIBRARY_PATH": str(tmp_path), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert result.stdout.strip() == "(2, 2)", result.stderr


@pytest.mark.parametrize(
    "fails_on, expected",
    [("ensurepip", "apt-get install python3-venv"), ("version_info", "needs Python 3.11")],
)
def test_make_says_what_a_bare_machine_lacks(tmp_path, fails_on, expected):
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\ncase "$*" in *{fails_on}*) exit 1;; esac\nexit 0\n')
    python.chmod(0o755)
    result = subprocess.run(
        ["make", "-f", ROOT / "Makefile", f"PYTHON={python}", ".venv/bin/pip"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert expected in result.stdout
