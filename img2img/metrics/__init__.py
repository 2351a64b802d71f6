"""How near generated pictures are to real ones, one by one and as sets."""

from typing import Literal

Better = Literal["smaller", "larger"]  # which values of a metric are better
