"""What the pixels of all pairs say together."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.checking.alignment import Alignment
from img2img.checking.instances import Instances
from img2img.checking.looks import PairScan
from img2img.checking.thinness import Thinness
from img2img.data.tally import Some


@dataclass
class Pixels:
    """What the pixels of all pairs say.

    Attributes:
        marks: the targets' fingerprints, in the order of the pairs.
        dull: why -> files.
    """

    marks: np.ndarray
    damaged: Some[str]
    unusable: Some[str]
    dull: dict[str, Some[Path]] = field(default_factory=dict)
    instances: Instances = field(default_factory=Instances)
    thinness: Thinness = field(default_factory=Thinness)
    alignment: Alignment = field(default_factory=Alignment)

    def add(self, place: int, found: PairScan) -> None:
        """One more pair."""
        self.marks[place] = found.mark
        for message in found.damaged:
            self.damaged.add(message)
        for message in found.unusable:
            self.unusable.add(message)
        for path, why in found.dull:
            self.dull.setdefault(why, Some()).add(path)
            if self.damaged.tell:
                self.damaged.tell(f"{path}: {why}")
        if found.instances is not None:
            self.instances.add(found.instances, found.lossy)
        if found.thin is not None:
            self.thinness.add(found.thin)
        if found.shifts is not None:
            self.alignment.maps.append(found.shifts)
