"""The cascade of drawn faces as a file."""

import pytest
from drawn_faces import cascade_text


@pytest.fixture(scope="session")
def cascade_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cascade") / "drawn_face.xml"
    path.write_text(cascade_text())
    return path
