"""The cascade of drawn faces as a file."""

import cv2
import pytest
from drawn_faces import cascade_text

from img2img.data.faces.detection import PACKAGE


@pytest.fixture(scope="session")
def cascade_file(tmp_path_factory):
    if not hasattr(cv2, "CascadeClassifier"):
        pytest.skip(f"this OpenCV has no CascadeClassifier: {PACKAGE} must be installed last")
    path = tmp_path_factory.mktemp("cascade") / "drawn_face.xml"
    path.write_text(cascade_text())
    return path
