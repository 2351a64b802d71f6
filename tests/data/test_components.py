"""Instances from labels: connected pieces, numbered, with the labels' boundaries."""

import numpy as np
import pytest
import torch
from data_sets import describe, ids, photo, put, refusal
from hypothesis import given
from hypothesis import strategies as st

from img2img.fields.components import components
from img2img.labels import boundary_map, instance_classes


def test_pieces_by_hand():
    label = np.array(
        [
            [0, 0, 1, 0],
            [1, 1, 1, 0],
            [0, 1, 0, 0],
            [2, 2, 0, 1],
        ]
    )
    expected = np.array(
        [
            [1, 1, 1000, 0],
            [1000, 1000, 1000, 0],
            [2, 1000, 0, 0],
            [2000, 2000, 0, 1001],
        ]
    )
    assert np.array_equal(components(label), expected)


@given(st.integers(0, 2**32 - 1))
def test_boundaries_and_classes_are_the_labels(seed):
    label = np.random.default_rng(seed).integers(0, 4, (7, 9))
    found = components(label)
    as_tensor = [torch.from_numpy(a)[None, None] for a in (label, found)]
    assert torch.equal(boundary_map(as_tensor[0]), boundary_map(as_tensor[1]))
    classes = instance_classes(as_tensor[1][0, 0], as_tensor[0][0, 0])
    assert all((label[found == ident] == cls).all() for ident, cls in classes.items())


def test_specks_beyond_the_thousandth_share_a_number():
    label = np.indices((60, 60)).sum(0) % 2  # 1800 single pixels of each class
    found = components(label)
    assert (found // 1000 == label).all()
    assert len(np.unique(found)) == 2000


def test_data_with_labels_only_get_instances(tmp_path):
    put(
        tmp_path,
        {"images": photo, "labels": np.kron(ids(0, 2, 0, 4)[:3, :4], np.ones((2, 2), "u1"))},
    )
    data = describe(tmp_path, derive_instances=True)
    assert [(s.name, s.kind, s.is_derived) for s in data.spec.inputs] == [
        ("label", "labels", False),
        ("instance", "instances", True),
    ]
    arrays = data.train.read(0)
    assert np.array_equal(arrays["instance"], components(arrays["label"]))
    assert len(np.unique(arrays["instance"])) > len(np.unique(arrays["label"]))


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ({"images": photo, "labels": ids(0, 1), "instances": ids(0, 1)}, "of their own"),
        ({"A": photo, "B": photo}, "no labels"),
    ],
)
def test_setting_that_does_not_fit_is_refused(tmp_path, folders, expected):
    assert expected in refusal(put(tmp_path, folders), derive_instances=True)
