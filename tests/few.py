"""Which of a test's many cases are in the quick set of `make test`."""

from collections.abc import Iterable

import pytest


def few(cases: Iterable, *quick) -> list:
    """All cases, those not named in `quick` marked slow."""
    return [c if c in quick else pytest.param(c, marks=pytest.mark.slow) for c in cases]
