"""Samples and batches: what comes when depends on (seed, epoch, position) alone.

That makes stopping in mid-epoch and going on exact, with any number of worker processes.
"""

import atexit
import signal
import weakref
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from img2img.data.layouts import Records
from img2img.data.reading import Arrays, read_record
from img2img.data.scenes import draw_scene
from img2img.data.spec import DataSpec
from img2img.data.transforms import JointTransform
from img2img.errors import DataError, UserError
from img2img.keys import TARGET
from img2img.lazy import renamed

__getattr__ = renamed(__name__, {"by_lot": "at_random"})

Key = tuple[int, int]  # index of a pair, seed of its augmentation


_OF_SOURCE = 1  # apart from the augmentation's random numbers, which the same seed gives


class Source(Protocol):
    """Samples by index: where they come from is the source's business."""

    def __len__(self) -> int: ...

    def read(self, index: int, rng: np.random.Generator | None = None) -> Arrays:
        """The arrays of a sample by the names of its fields.

        Args:
            rng: of the sample's own, for a source that draws a part of it afresh each time, such
                as a partner; None: the same part every time.

        Raises:
            DataError: a file cannot be read or used.
        """
        ...

    def name(self, index: int) -> str: ...


class FolderSource:
    """Pairs that lie on disk."""

    def __init__(self, records: Records, spec: DataSpec):
        self.records, self.spec = records, spec

    def __len__(self) -> int:
        return len(self.records)

    def read(self, index: int, rng: np.random.Generator | None = None) -> Arrays:
        return read_record(self.records[index], self.spec)

    def name(self, index: int) -> str:
        return self.records.row(index)[0]


class SceneSource:
    """The built-in street scenes, drawn when they are asked for.

    Args:
        first: index of the first scene; training and validation draw from apart ranges.
    """

    def __init__(self, count: int, *, first: int, seed: int, size: tuple[int, int]):
        self.count, self.first, self.seed, self.size = count, first, seed, size

    def __len__(self) -> int:
        return self.count

    def read(self, index: int, rng: np.random.Generator | None = None) -> Arrays:
        height, width = self.size
        scene = draw_scene(self.first + index, seed=self.seed, height=height, width=width)
        return {
            "label": scene.label.astype(np.int64),
            "instance": scene.instance.astype(np.int64),
            TARGET: scene.image,
        }

    def name(self, index: int) -> str:
        return f"scene_{self.first + index:05d}"


class PairDataset(Dataset):
    """A source's pairs as tensors, each varied by its own seed.

    A pair that cannot be read is returned as its error: raised in a worker process it would
    reach the user wrapped in two tracebacks. `iterate` raises it.
    """

    def __init__(self, source: Source, transform: JointTransform):
        self.source, self.transform = source, transform

    def __len__(self) -> int:
        return len(self.source)

    def sample(self, key: Key) -> dict[str, Tensor]:
        """The pair of (index, seed) as tensors.

        Raises:
            UserError: it cannot be read.
        """
        index, seed = key
        rng = np.random.default_rng([seed, _OF_SOURCE])
        return self.transform(self.source.read(index, rng), seed)

    def __getitem__(self, key: Key) -> dict[str, Tensor] | UserError:
        try:
            return self.sample(key)
        except UserError as error:
            return error


class EpochBatches(Sampler[list[Key]]):
    """The batches of one epoch: a seeded permutation, cut up; no pair is left over.

    Args:
        count: number of pairs.
        rank, world: this process and how many there are. Every process gets the same number
            of batches; where the pairs do not divide, the first ones come once more.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, rank: int = 0, world: int = 1):
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self.rank, self.world = rank, world
        self.epoch = 0
        self.start = 0  # batches of this epoch that are already done

    @property
    def per_epoch(self) -> int:
        """Batches of one process in one epoch."""
        share = -(-self.count // self.world)
        return -(-share // self.batch_size)

    def __len__(self) -> int:
        return self.per_epoch - self.start

    def __iter__(self) -> Iterator[list[Key]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(self.count)
        seeds = rng.integers(0, 2**31, self.count)
        share = -(-self.count // self.world)
        order = np.resize(order, share * self.world)[self.rank :: self.world]
        for number in range(self.start, self.per_epoch):
            indices = order[number * self.batch_size : (number + 1) * self.batch_size]
            yield [(int(i), int(seeds[i])) for i in indices]


def draw_samples(dataset: PairDataset, count: int, *, seed: int) -> dict[str, Tensor]:
    """A batch of samples that depends on the seed alone; where there are fewer, they come again.

    Raises:
        UserError: what was wrong with a sample.
    """
    rng = np.random.default_rng([seed, count])
    order = np.resize(rng.permutation(len(dataset)), count)
    keys = [(int(index), int(rng.integers(0, 2**31))) for index in order]
    return next(iterate(make_loader(dataset, [keys], workers=0)))


def at_random(total: int, count: int) -> list[int]:
    """At most `count` of `total` positions, in their order, the same ones every time.

    The first ones of a folder may be of one class, and so may every tenth of a file whose classes
    take turns.
    """
    return sorted(np.random.default_rng(0).permutation(total)[:count].tolist())


def collate(samples: list[dict[str, Tensor] | UserError]) -> dict[str, Tensor] | UserError:
    """Samples as one batch; an error where a pair is unreadable or sizes differ."""
    whole: list[dict[str, Tensor]] = []
    for sample in samples:
        if isinstance(sample, UserError):
            return sample
        whole.append(sample)
    for name in whole[0]:
        sizes = {tuple(sample[name].shape[-2:]) for sample in whole}
        if len(sizes) > 1:
            listed = ", ".join(f"{w}x{h}" for h, w in sorted(sizes))
            return DataError(
                f"a batch of {len(samples)} holds pictures of different sizes ({listed}); set "
                "data.crop or data.resize to one size, or training.batch_size=1"
            )
    return {name: torch.stack([sample[name] for sample in whole]) for name in whole[0]}


def _outlive_signals(_: int) -> None:
    """Terminals and launchers signal the whole process group, in any order, but the parent needs its
    workers to finish the step, however long that takes. So they end when it closes the loader, or
    a few seconds after it has died, which PyTorch's loop in a worker looks for."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


_open: "weakref.WeakSet[DataLoader]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Before Python's own end, which sends workers a SIGTERM and waits for them."""
    for loader in list(_open):
        close(loader)


def make_loader(
    dataset: PairDataset, batches: Sampler | Sequence[list[tuple[int, int]]], *, workers: int
) -> DataLoader:
    """A loader that keeps its worker processes from one epoch to the next."""
    loader = DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        worker_init_fn=_outlive_signals,
        pin_memory=torch.cuda.is_available(),
        # Its own generator: every new iterator draws a number, which would shift the random
        # state that dropout uses, and with it a resumed run.
        generator=torch.Generator(),
    )
    if workers:
        _open.add(loader)
    return loader


def iterate(loader: DataLoader) -> Iterator[dict[str, Tensor]]:
    """The loader's batches.

    Raises:
        UserError: what was wrong with a pair.
    """
    for batch in loader:
        if isinstance(batch, UserError):
            try:
                raise batch
            finally:
                # Else the error and this frame would hold each other, and the loader with
                # them; its workers, left to the garbage collector, take 5 s each to end.
                del batch
        yield batch


def close(loader: DataLoader) -> None:
    """Ends the loader's worker processes now, instead of whenever Python collects them."""
    iterator, loader._iterator = loader._iterator, None
    if loader.num_workers and iterator is not None:
        iterator._shutdown_workers()  # type: ignore[attr-defined]
        for worker in iterator._workers:  # type: ignore[attr-defined]
            worker.kill()  # one that still reads after seconds; it writes nothing
