import gc
import io
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from img2img import fields
from img2img.data.describe import describe_data
from img2img.data.loader import (
    EpochBatches,
    FolderSource,
    PairDataset,
    SceneSource,
    close,
    collate,
    iterate,
    make_loader,
)
from img2img.data.pictures.sources import ArraySource
from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.errors import DataError
from img2img.fields.files import write_image
from img2img.fields.image import ImageSpec
from img2img.keys import TARGET
from img2img.schema import DataConfig


def batches(count=10, size=3, **options):
    return EpochBatches(count, size, **{"seed": 0} | options)


def indices(sampler):
    return [index for batch in sampler for index, _ in batch]


# --- which pairs come when ----------------------------------------------------------------


@pytest.mark.parametrize(("count", "size"), [(10, 3), (9, 3), (1, 1), (2, 5), (7, 1)])
def test_every_pair_comes_once_in_an_epoch(count, size):
    sampler = batches(count, size)
    listed = list(sampler)
    assert sorted(indices(sampler)) == list(range(count))
    assert len(sampler) == sampler.per_epoch == len(listed) == -(-count // size)
    assert [len(batch) for batch in listed[:-1]] == [size] * (len(listed) - 1)
    assert len(listed[-1]) == count - size * (len(listed) - 1)  # the last one may be smaller


def test_order_and_augmentation_differ_between_epochs_and_seeds():
    sampler = batches(100)
    epochs = []
    for sampler.epoch in range(4):
        epochs.append(list(itertools.chain(*sampler)))
    epochs.append(list(itertools.chain(*batches(100, seed=1))))
    for one, other in itertools.combinations(epochs, 2):
        assert [index for index, _ in one] != [index for index, _ in other]
        # A pair is varied otherwise when it comes again.
        assert len(set(dict(one).items()) & set(dict(other).items())) == 0
    assert len({seed for _, seed in epochs[0]}) == 100


def test_the_same_seed_gives_the_same_batches():
    one, other = batches(50), batches(50)
    assert list(one) == list(other)
    for one.epoch in range(8):  # whatever came before
        listed = list(one)
    other.epoch = 7
    assert listed == list(other) == list(other)


@pytest.mark.parametrize("start", range(5))
def test_going_on_in_mid_epoch(start):
    whole, rest = batches(), batches()
    whole.epoch = rest.epoch = 3
    rest.start = start
    assert list(rest) == list(whole)[start:]
    assert len(rest) == len(whole) - start


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize(("count", "size"), [(10, 3), (11, 2), (12, 4), (1, 2), (5, 1)])
def test_processes_share_an_epoch(count, size, world):
    shards = [batches(count, size, rank=rank, world=world) for rank in range(world)]
    lists = [list(shard) for shard in shards]
    assert {len(found) for found in lists} == {shards[0].per_epoch}  # else one would wait for ever
    assert len({tuple(map(len, found)) for found in lists}) == 1
    seen = [index for shard in shards for index in indices(shard)]
    assert set(seen) == set(range(count))
    assert len(seen) == -(-count // world) * world  # no more repeated than needed
    resumed = batches(count, size, rank=1, world=world)
    resumed.start = 1
    assert list(resumed) == lists[1][1:]


def test_a_pair_is_varied_alike_in_whichever_process():
    alone = [key for batch in batches(12, 4) for key in batch]
    shards = [batches(12, 2, rank=rank, world=2) for rank in range(2)]
    shared = [[key for batch in shard for key in batch] for shard in shards]
    assert sorted(shared[0] + shared[1]) == sorted(alone)
    assert len({seed for _, seed in alone}) == 12
    # A step of both is a step of one: its pairs are consecutive in the epoch's order.
    both = [set(a) | set(b) for a, b in zip(*shards, strict=True)]
    assert both == [set(batch) for batch in batches(12, 4)]


# --- samples and batches ------------------------------------------------------------------


def save_pairs(root, *sizes, count=6):
    """Pairs in images/ and labels/ whose pixels are random."""
    for folder in ("images", "labels"):
        (root / folder).mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        size = sizes[number % len(sizes)]
        photo = rng.integers(0, 256, (*size, 3), np.uint8)
        write_image(root / f"images/{number}.png", photo)
        write_image(root / f"labels/{number}.png", rng.integers(0, 4, size, np.uint8))


def dataset(root, **settings):
    config = DataConfig(**{"path": str(root), "val_fraction": 0, "num_classes": 4} | settings)
    data = describe_data(config)
    return PairDataset(data.train, JointTransform(config, data.spec, train=True))


VARIED = {"jitter": 0.2, "rotate": 20.0, "colour": 0.3, "crop": (12, 16)}


def epochs_of(pairs, workers, count=2):
    sampler = batches(len(pairs), 4)
    loader = make_loader(pairs, sampler, workers=workers)
    found = []
    for sampler.epoch in range(count):
        found += list(iterate(loader))
    return found


def test_worker_processes_change_nothing(tmp_path):
    save_pairs(tmp_path, (16, 24))
    pairs = dataset(tmp_path, **VARIED)
    alone, shared = epochs_of(pairs, 0), epochs_of(pairs, 2)
    assert len(alone) == len(shared) == 4
    for one, other in zip(alone, shared, strict=True):
        assert one.keys() == other.keys() == {"label", TARGET}
        for name in one:
            assert torch.equal(one[name], other[name])
    assert alone[0][TARGET].shape == (4, 3, 12, 16)
    assert alone[1][TARGET].shape == (2, 3, 12, 16)
    assert alone[0]["label"].dtype == torch.int64


def test_going_on_with_worker_processes(tmp_path):
    save_pairs(tmp_path, (16, 24))
    pairs = dataset(tmp_path, **VARIED)
    whole = epochs_of(pairs, 0, count=1)
    sampler = batches(len(pairs), 4)
    sampler.start = 1
    [rest] = iterate(make_loader(pairs, sampler, workers=1))
    assert torch.equal(rest[TARGET], whole[1][TARGET])


@pytest.mark.parametrize("workers", [0, 1])
def test_an_iterator_leaves_the_global_random_state_alone(tmp_path, workers):
    save_pairs(tmp_path, (16, 24))
    pairs = dataset(tmp_path, **VARIED)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    epochs_of(pairs, workers)
    assert torch.equal(torch.get_rng_state(), before)


def failure(pairs, workers):
    """The message of the DataError that an epoch ends with."""
    try:
        epochs_of(pairs, workers, count=1)
    except DataError as error:
        return str(error)
    return pytest.fail("no error")


@pytest.mark.parametrize("workers", [0, 1])
def test_pictures_of_different_size_in_a_batch(tmp_path, workers):
    save_pairs(tmp_path, (16, 24), (20, 18))
    message = failure(dataset(tmp_path), workers)
    assert all(word in message for word in ("24x16, 18x20", "data.crop", "training.batch_size=1"))
    assert epochs_of(dataset(tmp_path, crop=(12, 12)), workers)[0][TARGET].shape == (4, 3, 12, 12)


def damage(path):
    """A photo whose header and end are whole and whose pixels are not."""
    content = io.BytesIO()
    photo = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    Image.fromarray(photo).save(content, "PNG")
    content = content.getvalue()
    path.write_bytes(content[:400] + bytes(200) + content[600:])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_photo(tmp_path, workers):
    save_pairs(tmp_path, (16, 24))
    damage(tmp_path / "images/3.png")
    message = failure(dataset(tmp_path), workers)
    assert message.startswith(str(tmp_path / "images/3.png"))
    assert "damaged or incomplete" in message
    assert "Traceback" not in message and "\n" not in message


def test_one_sample_of_a_damaged_photo(tmp_path):
    save_pairs(tmp_path, (16, 24))
    damage(tmp_path / "images/3.png")
    pairs = dataset(tmp_path)
    assert pairs.sample((0, 0)).keys() == pairs[0, 0].keys()
    with pytest.raises(DataError, match=r"3\.png: .*damaged or incomplete"):
        pairs.sample((3, 0))


def test_a_photo_that_vanishes(tmp_path):
    save_pairs(tmp_path, (16, 24))
    pairs = dataset(tmp_path)
    (tmp_path / "images/2.png").unlink()
    assert "2.png: there is no such file" in failure(pairs, 1)


def test_worker_processes_end_at_once_after_an_error(tmp_path):
    save_pairs(tmp_path, (16, 24))
    damage(tmp_path / "images/3.png")
    pairs = dataset(tmp_path)
    start = time.monotonic()
    failure(pairs, 2)
    gc.collect()
    assert time.monotonic() - start < 4
    assert not multiprocessing.active_children()


def test_an_error_in_a_batch_is_that_batch():
    error = DataError("broken")
    assert collate([{TARGET: torch.zeros(3, 2, 2)}, error]) is error


# --- sources ------------------------------------------------------------------------------


def test_pairs_on_disk(tmp_path):
    save_pairs(tmp_path, (16, 24), count=3)
    source = describe_data(DataConfig(path=str(tmp_path), val_fraction=0)).train
    assert isinstance(source, FolderSource)
    assert [source.name(i) for i in range(len(source))] == ["0", "1", "2"]
    arrays = source.read(1)
    assert arrays["label"].shape == (16, 24)
    np.testing.assert_array_equal(arrays[TARGET], np.asarray(Image.open(tmp_path / "images/1.png")))


def test_scenes_are_drawn_by_index():
    source = SceneSource(5, first=10, seed=3, size=(32, 64))
    assert len(source) == 5
    assert source.name(2) == "scene_00012"
    arrays = source.read(2)
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        "label": "int64",
        "instance": "int64",
        TARGET: "uint8",
    }
    same = SceneSource(1, first=12, seed=3, size=(32, 64)).read(0)
    other = SceneSource(1, first=12, seed=4, size=(32, 64)).read(0)
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], same[name])
    assert (arrays[TARGET] != other[TARGET]).any()


class Drawing(ArraySource):
    """Targets with a partner that is drawn afresh each time."""

    def read(self, index, rng=None):
        partner = 0 if rng is None else int(rng.integers(len(self)))
        return {TARGET: self.images[index], "partner": self.images[partner]}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_source_draws_by_the_samples_seed(workers):
    images = np.arange(40, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    grey = ImageSpec(channels=1)
    partner = fields.Image(name="partner", part="b", group="partner", image=grey)
    spec = DataSpec(inputs=(partner,), target=grey)
    dataset = PairDataset(Drawing(images), JointTransform(DataConfig(colour=0), spec, train=True))

    def drawn(epoch, start=0):
        sampler = batches(40, 4)
        sampler.epoch, sampler.start = epoch, start
        loader = make_loader(dataset, sampler, workers=workers)
        found = [batch["partner"][:, 0, 0, 0].tolist() for batch in iterate(loader)]
        close(loader)
        return found

    first = drawn(0)
    assert len(set(itertools.chain(*first))) > 10  # not the same one for all
    assert drawn(0, start=6) == first[6:]  # a resumed run goes on with the same ones
    assert drawn(1) != first


class Signalled(Drawing):
    """Its reader gets SIGTERM, as from a launcher that signals all processes of a group."""

    def read(self, index, rng=None):
        os.kill(os.getpid(), signal.SIGTERM)
        # What is left of a clock that would end the worker while a step takes its time.
        return {TARGET: np.full((8, 8, 1), signal.alarm(0), np.uint8)}


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="signals of POSIX")
def test_a_worker_outlives_sigterm_as_long_as_it_takes():
    spec = DataSpec(inputs=(), target=ImageSpec(channels=1))
    source = Signalled(np.zeros((4, 1), np.uint8))
    dataset = PairDataset(source, JointTransform(DataConfig(), spec, train=False))
    loader = make_loader(dataset, batches(4, 1), workers=1)
    found = torch.cat([batch[TARGET] for batch in iterate(loader)])
    assert len(found) == 4 and (found == -1).all()  # 0 seconds are left
    workers = loader._iterator._workers
    close(loader)
    assert not any(worker.is_alive() for worker in workers)


def test_a_process_that_leaves_a_loader_open_ends():
    code = """
import numpy as np
from img2img.data.loader import EpochBatches, PairDataset, make_loader
from img2img.data.pictures.sources import ArraySource
from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.fields.image import ImageSpec
from img2img.schema import DataConfig
spec = DataSpec(inputs=(), target=ImageSpec(channels=1))
transform = JointTransform(DataConfig(), spec, train=False)
dataset = PairDataset(ArraySource(np.zeros((9, 8, 8, 1), np.uint8)), transform)
loader = make_loader(dataset, EpochBatches(9, 1, seed=0), workers=2)
next(iter(loader))
"""
    result = subprocess.run([sys.executable, "-c", code], timeout=120, capture_output=True)
    assert (result.returncode, result.stderr) == (0, b"")
