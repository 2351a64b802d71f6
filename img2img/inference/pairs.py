"""Whether pairs of a data set can be read as a run reads them."""

from collections.abc import Sequence

from img2img.data.layouts import Record
from img2img.data.spec import DataSpec
from img2img.errors import ConfigError


def require_parts(records: Sequence[Record], spec: DataSpec) -> None:
    """Raises ConfigError where the parts of the records are not those of the run's `spec`."""
    parts = dict.fromkeys([*(s.part for s in spec.inputs), spec.target_part])
    found = records[0].files if records else {}
    missing = [part for part in parts if part not in found]
    if missing:
        raise ConfigError(
            f"the data have the parts {', '.join(found) or 'none'}, but the run needs "
            f"{', '.join(parts)} ({spec.layout}); name a folder of that layout with --data"
        )
