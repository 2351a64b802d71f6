"""One-hot planes, boundaries, colours and id codes, against hand-made maps and the vectors."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from img2img import labels


def test_one_hot_by_hand():
    planes = labels.one_hot(torch.tensor([[[[0, 2], [1, 9]]]]), 3, ignore_id=9)
    assert planes.shape == (1, 3, 2, 2)
    assert planes[0, :, 0, 0].tolist() == [1, 0, 0]
    assert planes[0, :, 0, 1].tolist() == [0, 0, 1]
    assert planes[0, :, 1, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("bad", [3, -1, 255])
def test_one_hot_refuses_ids_outside(bad):
    with pytest.raises(ValueError, match=r"3 classes allow 0..2"):
        labels.one_hot(torch.tensor([[[[0, bad]]]]), 3)


def test_ignored_id_below_the_classes_is_no_class():
    planes = labels.one_hot(torch.tensor([[[[0, 1, 2]]]]), 3, ignore_id=1)
    assert planes.sum(1).tolist() == [[[1, 0, 1]]]


@pytest.mark.shared_data
def test_published_encoding(vector):
    tensors, _ = vector("func_encode_input")
    label = tensors["label_uint8"].long()
    condition = torch.cat(
        [labels.one_hot(label, 35), labels.boundary_map(tensors["inst_int32"])], 1
    )
    assert torch.equal(condition, tensors["output_uint8"].float())


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["a", "b", "hand"])
def test_published_boundaries(vector, name):
    tensors, _ = vector("func_edges")
    edge = labels.boundary_map(tensors[f"inst_{name}"][None, None])
    assert torch.equal(edge[0, 0], tensors[f"edge_{name}"].float())


def test_boundary_against_a_loop():
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (1, 1, 7, 9)))
    expected = torch.zeros(7, 9)
    for y in range(7):
        for x in range(9):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= y + dy < 7 and 0 <= x + dx < 9:
                    expected[y, x] += ids[0, 0, y, x] != ids[0, 0, y + dy, x + dx]
    assert torch.equal(labels.boundary_map(ids)[0, 0], (expected > 0).float())


@pytest.mark.shared_data
@pytest.mark.parametrize("count", [20, 151, 256])
def test_default_palette_is_distinct(count):
    palette = labels.default_palette(count)
    assert palette.shape == (count, 3)
    assert len({tuple(row) for row in palette.tolist()}) == count


def test_colourise_draws_ignored_pixels_black():
    palette = torch.tensor([[255, 0, 0], [0, 255, 0]])
    picture = labels.colourise(torch.tensor([[[[0, 1, 7]]]]), palette, ignore_id=7)
    assert picture[0, :, 0].T.tolist() == [[1, -1, -1], [-1, 1, -1], [-1, -1, -1]]


@pytest.mark.shared_data
def test_published_instance_mean(vector):
    tensors, _ = vector("func_instance_pool")
    pooled = labels.instance_mean(tensors["features_half"], tensors["inst_int32"])
    assert_close(pooled[..., :32, :], tensors["output_slice_rows_0_32"], rtol=1e-4, atol=1e-5)


def test_instance_mean_against_a_loop():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 5, 6, generator=generator)
    instance = torch.randint(0, 4, (2, 1, 5, 6), generator=generator) * 40000
    expected = features.clone()
    for n in range(2):
        for ident in instance[n].unique():
            mask = instance[n, 0] == ident
            expected[n][:, mask] = features[n][:, mask].mean(1, keepdim=True)
    assert_close(labels.instance_mean(features, instance), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_instance_mean_of_half_precision(dtype):
    features = torch.full((1, 2, 64, 64), 0.5, dtype=dtype)
    mean = labels.instance_mean(features, torch.zeros(1, 1, 64, 64, dtype=torch.int64))
    assert torch.equal(mean, torch.full((1, 2, 64, 64), 0.5))


def test_instance_classes():
    instance = torch.tensor([[5, 5, 5, 26003, 26003, 26003]])
    label = torch.tensor([[1, 2, 2, 7, 7, 26]])
    assert labels.instance_classes(instance, label) == {5: 2, 26003: 26}
