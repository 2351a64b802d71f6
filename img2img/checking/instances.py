"""How instance maps are coded, and whether they tell objects apart."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.checking.finding import Finding
from img2img.data.headers import Kinds
from img2img.data.scan import count_ids
from img2img.data.tally import Some
from img2img.errors import counted
from img2img.labels import INSTANCES_PER_CLASS

_AGREE = 0.9  # share of coded pixels whose class is that of the label map


@dataclass(frozen=True)
class InstanceLook:
    """What one instance map holds.

    Attributes:
        objects: how many ids.
        coded: pixels with ids of `INSTANCES_PER_CLASS` and more.
        agreeing: those of them where id // INSTANCES_PER_CLASS is the label; -1: not compared.
        as_label: the map is the label map once more; None: not compared.
    """

    objects: int
    coded: int
    agreeing: int = -1
    as_label: bool | None = None


def look_at_instances(ids: np.ndarray, label: np.ndarray | None) -> InstanceLook:
    """Looks at one map (H, W), beside its label map where that is at hand."""
    coded = ids >= INSTANCES_PER_CLASS
    found = InstanceLook(len(count_ids(ids)[0]), int(coded.sum()))
    if label is None or label.shape != ids.shape:
        return found
    agreeing = int((ids[coded] // INSTANCES_PER_CLASS == label[coded]).sum())
    return InstanceLook(found.objects, found.coded, agreeing, bool((ids == label).all()))


@dataclass
class Instances:
    """The looks at all instance maps together."""

    maps: int = 0
    objects: int = 0
    single: int = 0
    coded: int = 0
    agreeing: int = 0
    compared: int = 0
    as_label: int = 0
    lossy: Some[Path] = field(default_factory=Some)

    def add(self, look: InstanceLook, lossy: Path | None) -> None:
        """One more map.

        Args:
            lossy: its file, where the compression changes ids.
        """
        self.maps += 1
        self.objects += look.objects
        self.single += look.objects == 1
        if look.as_label is not None:
            self.compared += 1
            self.as_label += look.as_label
            self.coded += look.coded
            self.agreeing += look.agreeing
        if lossy:
            self.lossy.add(lossy)

    def code(self, kinds: Kinds) -> str:
        """In words, how the ids are coded.

        Args:
            kinds: of the instance files.
        """
        if any(kind.colour == "rgb" for kind in kinds):
            return "24-bit colours (R + 256 G + 65536 B)"
        if self.coded and self.agreeing >= _AGREE * self.coded:
            return f"class * {INSTANCES_PER_CLASS} + number"
        return "plain ids"

    def findings(self, kinds: Kinds) -> list[Finding]:
        """The code, and warnings about maps that tell nothing apart."""
        if not self.maps:
            return []
        code, mean = self.code(kinds), self.objects / self.maps
        found = [
            Finding(
                "remark",
                f"instance maps: {code}, {mean:.3g} ids in a picture",
                tuple(str(path) for files in kinds.values() for path in files.first[:1]),
                sum(files.count for files in kinds.values()),
            )
        ]
        if self.single == self.maps:
            found.append(_warn("every instance map has one single id: no object has a boundary"))
        elif self.compared and self.as_label == self.compared:
            found.append(
                _warn(
                    "the instance maps equal the label maps: objects of a class that touch become "
                    "one. Leave them out, and set data.derive_instances=true if objects matter"
                )
            )
        elif self.coded and not code.startswith("class") and self._mostly_other():
            found.append(
                _warn(
                    f"the instance ids look like class * {INSTANCES_PER_CLASS} + number, but "
                    f"{100 - 100 * self.agreeing // self.coded}% of these pixels have another label: "
                    "the instance maps may be of other pictures or other label ids"
                )
            )
        if self.lossy:
            files = counted(self.lossy.count, "lossy instance file")
            found.append(
                _warn(
                    f"{files}, for example {self.lossy.first[0]}: JPEG makes every border a swarm "
                    "of objects. Save instance maps as PNG"
                )
            )
        return found

    def _mostly_other(self) -> bool:
        """Whether some ids fit the labels, which plain numbers would not."""
        return self.agreeing >= 0.3 * self.coded


def _warn(text: str) -> Finding:
    return Finding("warning", text)
