"""K-means in every class: known clusters found, few objects, reproducible."""

import numpy as np
import pytest

from img2img.inference.styles.clustering import AUTO, assign, cluster
from img2img.inference.styles.collecting import Collection


def blobs(centres, count=30, spread=0.02, seed=0):
    rng = np.random.default_rng(seed)
    points = [rng.normal(c, spread, (count, len(c))) for c in np.asarray(centres, float)]
    return np.concatenate(points).astype(np.float32)


def collection(features, classes, ids=None):
    count = len(features)
    return Collection(
        features=np.asarray(features, np.float32),
        classes=np.asarray(classes),
        ids=np.arange(count) if ids is None else np.asarray(ids),
        pictures=np.arange(count),
        boxes=np.ones((count, 4), np.int64),
        sizes=np.arange(1, count + 1),
    )


NAMES = {i: f"p{i}" for i in range(200)}


def test_known_clusters_are_found():
    labels, centres = assign(blobs([(0, 0, 0), (1, 0, 0), (0, 1, 0)]), 3, seed=0)
    assert all(len(set(labels[i : i + 30])) == 1 for i in (0, 30, 60))
    order = labels[[0, 30, 60]]
    np.testing.assert_allclose(centres[order], [(0, 0, 0), (1, 0, 0), (0, 1, 0)], atol=0.02)


@pytest.mark.parametrize("number", [2, 3, 6])
def test_auto_finds_the_number(number):
    angles = np.arange(number) * 2 * np.pi / number
    features = blobs(np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1))
    assert len(assign(features, AUTO, seed=0)[1]) == number


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_auto_leaves_one_cloud_whole(dimensions, kind):
    features = getattr(np.random.default_rng(0), kind)(size=(500, dimensions)).astype(np.float32)
    assert len(assign(features, AUTO, seed=0)[1]) == 1


def test_fewer_styles_where_there_are_fewer_objects():
    features = [(0, 0), (1, 1), (1, 1), (5, 5)]
    styles = cluster(collection(features, [4, 8, 8, 8]), {4: "a", 8: "b", 9: "none"}, NAMES)
    assert {cls: len(s) for cls, s in styles.items()} == {4: 1, 8: 2}  # equal ones count once
    assert [s.count for s in styles[8]] == [2, 1]
    assert styles[4][0].spread == 0 and np.array_equal(styles[4][0].centre, [0, 0])


@pytest.mark.parametrize("k", [1, AUTO])
def test_a_single_object(k):
    [style] = cluster(collection([(0.5, -0.5)], [0]), {0: "sky"}, NAMES, k=k)[0]
    assert (style.name, style.count) == ("sky-0", 1)


def test_commonest_first_with_names_sizes_and_examples():
    features = np.concatenate([blobs([(0, 0)], 10), blobs([(3, 3)], 20, seed=1)])
    ids = 33000 + np.arange(30)  # beyond 16 signed bits
    styles = cluster(collection(features, [33] * 30, ids), {33: "bicycle"}, NAMES, k=2)[33]
    assert [(s.name, s.count) for s in styles] == [("bicycle-0", 20), ("bicycle-1", 10)]
    np.testing.assert_allclose(styles[0].centre, (3, 3), atol=0.05)
    distances = np.linalg.norm(features[10:] - styles[0].centre, axis=1)
    assert styles[0].spread == pytest.approx(np.sqrt((distances**2).mean()), rel=1e-5)
    assert all(e.instance >= 33010 for e in styles[0].examples)
    assert all(e.instance < 33010 for e in styles[1].examples)


def test_same_data_and_seed_give_the_same_styles():
    features = np.random.default_rng(0).uniform(size=(100, 3)).astype(np.float32)
    first, second = (cluster(collection(features, [1] * 100), {1: "a"}, NAMES) for _ in range(2))
    for a, b in zip(first[1], second[1], strict=True):
        assert np.array_equal(a.centre, b.centre) and a.examples == b.examples


def test_number_of_a_single_class():
    features = np.random.default_rng(0).uniform(size=(40, 3))
    data = collection(features, [1] * 20 + [2] * 20)
    styles = cluster(data, {1: "a", 2: "b"}, NAMES, k=5, k_of={2: 3})
    assert [len(styles[1]), len(styles[2])] == [5, 3]


def test_auto_with_a_stray_object_among_thousands():
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(0, 0.005, (6000, 3)), [[0.9, 0.9, 0.9]]])
    labels, centres = assign(features.astype(np.float32), AUTO, seed=0)
    assert len(labels) == 6001 and len(centres) <= 2


def test_names_of_classes_are_made_harmless():
    [style] = cluster(collection([(0.0, 1.0)], [3]), {3: "a=b/c"}, NAMES)[3]
    assert style.name == "a-b-c-0"
