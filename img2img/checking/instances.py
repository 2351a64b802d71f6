"""Whether instance maps tell objects apart. What their numbers mean is all one."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.checking.finding import Finding
from img2img.data.tally import Some
from img2img.errors import counted


@dataclass(frozen=True)
class InstanceScan:
    """What one instance map holds.

    Attributes:
        single: one id alone.
        as_label: the map is the label map once more; None: not compared.
    """

    single: bool
    as_label: bool | None


def scan_instances(ids: np.ndarray, label: np.ndarray | None) -> InstanceScan:
    """Looks at one map (H, W), beside its label map where that is at hand."""
    single = bool((ids == ids[:1, :1]).all())
    return InstanceScan(single, None if label is None else np.array_equal(ids, label))


@dataclass
class Instances:
    """The scans of all instance maps together.

    Attributes:
        compared: maps that were laid beside their label map.
        lossy: files whose compression changes ids.
    """

    maps: int = 0
    single: int = 0
    compared: int = 0
    as_label: int = 0
    lossy: Some[Path] = field(default_factory=Some)

    def add(self, found: InstanceScan, lossy: Path | None) -> None:
        """One more map.

        Args:
            lossy: its file, where the compression changes ids.
        """
        self.maps += 1
        self.single += found.single
        self.compared += found.as_label is not None
        self.as_label += bool(found.as_label)
        if lossy:
            self.lossy.add(lossy)

    def findings(self) -> list[Finding]:
        """Warnings about maps that tell nothing apart."""
        found = []
        if self.maps and self.single == self.maps:
            found.append("every instance map has one single id: no object has a boundary")
        elif self.compared and self.as_label == self.compared:
            found.append(
                "the instance maps equal the label maps: objects of a class that touch become "
                "one. Leave them out, and set data.derive_instances=true if objects matter"
            )
        if self.lossy:
            found.append(
                f"{counted(self.lossy.count, 'lossy instance file')}, for example "
                f"{self.lossy.first[0]}: JPEG makes every border a swarm of objects. Save instance "
                "maps as PNG"
            )
        return [Finding("warning", text) for text in found]
