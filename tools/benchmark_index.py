"""Measures how long a start takes to find the pairs of a large folder, and in how much memory.

    python tools/benchmark_index.py [--pairs 1000 10000 100000]

For every number a folder of tiny pairs is made of hard links. It is looked at for the first time,
then again by a new process, to which the files are known. Times are of the processor.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from img2img.cli import count, run

LINKS = 50_000  # of one file; ext4 allows 65,000


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=count, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--inside", metavar="DIR", help=argparse.SUPPRESS)
    a = parser.parse_args(argv)
    if a.inside:
        print(json.dumps(index(a.inside)))
        return 0
    print("    pairs  first look s  known s  known us a pair  memory MiB")
    for number in a.pairs:
        with tempfile.TemporaryDirectory(prefix="img2img-benchmark-") as folder:
            write_pairs(Path(folder), number)
            time.sleep(3)  # files that were written a moment ago are not relied on
            (first, _), (known, memory) = inside(folder), inside(folder)
        each = 1e6 * known / number
        print(f"{number:9}  {first:12.2f}  {known:7.2f}  {each:15.1f}  {memory / 2**20:10.0f}")
    return 0


def write_pairs(folder: Path, number: int) -> None:
    import numpy as np

    from img2img.fields.files import write_image

    for part, shape in (("train_label", (16, 16, 1)), ("train_img", (16, 16, 3))):
        (folder / "pairs" / part).mkdir(parents=True)
        for place in range(number):
            if place % LINKS == 0:
                original = folder / f"{part}-{place}.png"
                rng = np.random.default_rng(place)
                write_image(original, rng.integers(0, 8, shape, np.uint8))
            os.link(original, folder / "pairs" / part / f"{place:07d}.png")


def inside(folder: str) -> tuple[float, int]:
    """What another process measures."""
    command = [sys.executable, __file__, "--inside", folder]
    own = os.environ | {"XDG_CACHE_HOME": f"{folder}/cache"}
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=own).stdout
    return json.loads(out.splitlines()[-1])


def index(folder: str) -> tuple[float, int]:
    """Seconds of the processor, and bytes at most, that finding and looking at pairs takes."""
    from benchmarking.machine import Memory

    from img2img.data.describe import describe_data
    from img2img.schema import DataConfig

    memory, start = Memory("cpu"), time.process_time()
    describe_data(DataConfig(path=f"{folder}/pairs"))
    return time.process_time() - start, memory.peak() or 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
