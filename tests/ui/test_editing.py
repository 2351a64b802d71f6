"""Editing label maps: what is painted, whose object it is, what closes a gap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from img2img.errors import DataError
from img2img.ui.editing import LabelMap, erase, fill, paint, replace_at, stroke, stuff_classes

SKY, CAR, TREE = 0, 6, 5


@pytest.fixture
def labels():
    """Sky with two cars, the right one of two pieces."""
    label = np.zeros((6, 12), np.int64)
    instance = np.zeros((6, 12), np.int64)
    label[2:4, 1:4], instance[2:4, 1:4] = CAR, 6000
    label[2:4, 6:8], instance[2:4, 6:8] = CAR, 6001
    label[2:4, 9:11], instance[2:4, 9:11] = CAR, 6001
    return LabelMap(label, instance, frozenset({SKY}))


def mask_at(labels, y, x):
    mask = np.zeros(labels.label.shape, bool)
    mask[y, x] = True
    return mask


def test_stroke_of_one_point():
    assert np.argwhere(stroke((5, 5), [(2.2, 3.9)], 0.5)).tolist() == [[3, 2]]
    assert stroke((5, 5), [(2.5, 2.5)], 1.0).sum() == 5  # a plus
    assert not stroke((5, 5), [(-9.0, 2.0)], 1.0).any()


@given(
    st.lists(st.tuples(st.floats(-9, 25), st.floats(-9, 19)), min_size=1, max_size=5),
    st.floats(0.5, 6),
)
def test_stroke_is_what_lies_near_the_line(points, radius):
    mask = stroke((10, 16), points, radius)
    expected = np.zeros((10, 16), bool)
    x, y = int(points[0][0]), int(points[0][1])
    if 0 <= points[0][0] < 16 and 0 <= points[0][1] < 10:
        expected[y, x] = True
    ends = list(zip(points, [*points[1:], points[-1]], strict=True))
    for row in range(10):
        for column in range(16):
            p = np.array([column + 0.5, row + 0.5])
            for a, b in ends:
                a, b = np.array(a), np.array(b)
                d = b - a
                t = np.clip(np.dot(p - a, d) / np.dot(d, d), 0, 1) if np.dot(d, d) else 0
                distance = np.linalg.norm(p - a - t * d)
                if abs(distance - radius) < 1e-6:
                    expected[row, column] = mask[row, column]  # on the edge: rounding decides
                expected[row, column] |= distance <= radius
    # The first pixel counts even with a point barely outside of it.
    outside = [(0 > points[0][0] > -1), (0 > points[0][1] > -1)]
    assert (mask == expected).all() or any(outside)


def test_painting_on_an_object_makes_it_larger(labels):
    after = paint(labels, mask_at(labels, 4, 2), CAR, start=(2.5, 3.5))
    assert after.instance[4, 2] == 6000 and after.label[4, 2] == CAR
    assert (labels.instance[4] == 0).all(), "the former map is as it was"


def test_painting_beside_makes_a_new_object(labels):
    after = paint(labels, mask_at(labels, 5, 5), CAR, start=(5.5, 5.5))
    assert after.instance[5, 5] == 6002


def test_new_object_on_top_of_one_of_its_class(labels):
    after = paint(labels, mask_at(labels, 2, 1), CAR, start=(1.5, 2.5), new=True)
    assert after.instance[2, 1] == 6002 and after.instance[2, 2] == 6000


def test_stuff_has_one_id(labels):
    after = paint(labels, mask_at(labels, 2, 1), SKY, start=(1.5, 2.5))
    assert after.instance[2, 1] == SKY


def test_painting_without_instances():
    labels = LabelMap(np.zeros((4, 4), np.int64))
    after = paint(labels, mask_at(labels, 1, 1), CAR)
    assert after.instance is None and after.ids[1, 1] == CAR


def test_fill_takes_one_piece(labels):
    after = fill(labels, (6.5, 2.5), TREE)
    assert (after.label[2:4, 6:8] == TREE).all() and (after.instance[2:4, 6:8] == 5000).all()
    assert (after.instance[2:4, 9:11] == 6001).all(), "the other piece of the same car stays"
    assert fill(labels, (6.5, 2.5), CAR) is labels


def test_replace_keeps_objects_apart(labels):
    after = replace_at(labels, (1.5, 2.5), TREE)
    assert not (after.label == CAR).any()
    assert set(np.unique(after.instance).tolist()) == {SKY, 5000, 5001}
    back = replace_at(after, (1.5, 2.5), SKY)
    assert set(np.unique(back.instance).tolist()) == {SKY}


def test_erase_an_object(labels):
    after = erase(labels, [(1.5, 2.5)], 3.0)
    assert (after.label[:, :5] == SKY).all() and (after.instance[:, :5] == SKY).all()
    assert (after.instance[2:4, 6:8] == 6001).all()


def test_things_do_not_grow_where_something_is_erased(labels):
    """A car between two people, on grass below: grass closes the gap, wherever people are nearer."""
    label, instance = np.full((8, 9), 7), np.full((8, 9), 7000)
    label[:, 5:], instance[:, 5:] = 7, 7001
    label[2:4, 3:6], instance[2:4, 3:6] = CAR, 6000
    label[7], instance[7] = TREE, TREE  # stuff here
    before = LabelMap(label, instance, frozenset({TREE}))
    after = erase(before, [(4.5, 2.5)], 1.0)
    assert (after.label[2:4, 3:6] == TREE).all() and (after.instance[2:4, 3:6] == TREE).all()
    assert (after.label == 7).sum() == (label == 7).sum()
    part = erase(before, [(3.5, 2.5), (3.5, 3.5)], 0.5)
    assert (part.label[2:4, 3] == TREE).all() and (part.label[2:4, 4:6] == CAR).all()
    # Stuff that stands for no class closes nothing; without other stuff the nearest thing does.
    void = LabelMap(label, instance, frozenset({TREE}), void=TREE)
    assert set(np.unique(erase(void, [(4.5, 2.5)], 1.0).label)) == {7, TREE}
    assert (erase(void, [(4.5, 2.5)], 1.0).label[2:4, 3:6] == 7).all()


def test_a_car_closes_no_gap_of_another_car():
    label, instance = np.full((1, 6), CAR), np.array([[6000, 6000, 6001, 6001, 6001, 5000]])
    label[0, 5] = TREE
    after = erase(LabelMap(label, instance), [(2.5, 0.5)], 1.0)
    assert after.instance.tolist() == [[6000, 6000, 5000, 5000, 5000, 5000]]
    last = erase(LabelMap(label[:, :5], instance[:, :5]), [(2.5, 0.5)], 1.0)
    assert (last.instance == 6000).all(), "there is nothing else"


def test_erase_a_part(labels):
    after = erase(labels, [(1.5, 2.5), (1.5, 3.5)], 0.5)
    assert (after.instance[2:4, 1] == SKY).all() and (after.instance[2:4, 2] == 6000).all()


def test_nothing_closes_the_gap():
    with pytest.raises(DataError, match="whole picture"):
        erase(LabelMap(np.zeros((3, 3), np.int64)), [(1.0, 1.0)], 1.0)


def test_a_thousand_cars():
    instance = np.arange(6000, 7000).reshape(25, 40)
    full = LabelMap(np.full((25, 40), CAR), instance)
    with pytest.raises(DataError, match="1000 objects"):
        paint(full, mask_at(full, 0, 0), CAR, new=True)


def test_what_is_stuff(labels):
    assert stuff_classes(labels.label, labels.instance, []) == {SKY}
    known = [(3, 3), (7, 7001), (7, 7), (6, 6), (8, 4)]  # 6 is counted here
    assert stuff_classes(labels.label, labels.instance, known) == {SKY, 3}


def test_numbers_that_are_classes_by_chance():
    """Objects numbered 0, 1, 2, ...: the first of class 0 is as little stuff as the others."""
    label = np.array([[0, 0, 3, 3, 4, 4]])
    numbered = np.array([[0, 1, 2, 2, 4, 3]])
    assert stuff_classes(label, numbered, []) == frozenset()
    shared = np.array([[0, 0, 0, 0, 4, 4]])  # one object of two classes
    assert stuff_classes(label, shared, [(3, 0)]) == {4}


def test_an_object_of_another_class_keeps_its_id():
    label, instance = np.full((2, 4), CAR), np.full((2, 4), 3)
    before = LabelMap(label, instance, frozenset({3}))
    after = paint(before, mask_at(before, 0, 0), 3)
    assert after.instance[0, 0] == 3000
    again = paint(after, mask_at(after, 1, 1), 3)
    assert again.instance[1, 1] == 3001
