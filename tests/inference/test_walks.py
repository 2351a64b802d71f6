"""Points between two, sums of names and the files that say what these mean."""

import json
import re

import pytest
import torch

from img2img.errors import ConfigError
from img2img.inference.walks import parse_sum, read_names, slerp


def test_slerp_is_an_arc():
    start, stop = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    way = slerp(start, stop, 5)
    angles = torch.atan2(way[:, 1], way[:, 0])
    assert torch.allclose(way.norm(dim=1), torch.full((5,), 2.0))
    assert torch.allclose(angles, torch.linspace(0, torch.pi / 2, 5), atol=1e-6)
    longer = slerp(start, 2 * stop, 3)
    assert torch.allclose(longer[1].norm(), torch.tensor(3.0))
    opposite = slerp(start, -start, 3)
    assert opposite.isfinite().all() and torch.equal(slerp(start, start, 3)[1], start)


def test_sums_are_parsed():
    names = {name: [1] for name in ("a", "b_c", "d")}
    assert parse_sum("a - b_c+d", names) == [(1, "a"), (-1, "b_c"), (1, "d")]
    assert parse_sum("-a", names) == [(-1, "a")]
    for text, words in (("a b_c", "expected names"), ("", "expected names"), ("a - e", "'e'")):
        with pytest.raises(ConfigError, match=words):
            parse_sum(text, names)


@pytest.mark.parametrize("name", ["my-name", "a+b", "two words", "a\tb", ""])
def test_names_that_no_sum_can_have_are_refused(tmp_path, name):
    file = tmp_path / "names.json"
    file.write_text(json.dumps({"fine_1": [1], name: [2]}))
    with pytest.raises(ConfigError, match=re.escape(f"the name {name!r} cannot stand in a sum")):
        read_names(file)


def test_files_that_name_nothing_are_refused(tmp_path):
    file = tmp_path / "names.json"
    file.write_text("{}")
    with pytest.raises(ConfigError, match=r"names.json: it names no seeds; expected names with"):
        read_names(file)
