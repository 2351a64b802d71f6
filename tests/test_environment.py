"""The set-up that the README promises."""

import subprocess
import sys

import pytest

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


def test_hiding_the_libraries_would_show(tmp_path):
    """The trick above works: a library that is needed and empty keeps a program from starting."""
    (tmp_path / "libz.so.1").write_bytes(b"")
    result = subprocess.run(
        [sys.executable, "-c", "import zlib"],
        capture_output=True,
        text=True,
        env={"LD_LIBRARY_PATH": str(tmp_path)},
    )
    if result.returncode == 0:
        pytest.skip("this Python carries its own zlib")
    assert "libz.so.1" in result.stderr
