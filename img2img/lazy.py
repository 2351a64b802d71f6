"""Names of a package that are imported when they are first asked for (PEP 562), and old names."""

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a package's `__init__`, which stays cheap to import.

    Args:
        package: its `__name__`.
        modules: the module that a name comes from, by name; a name that is its own module stands
            for the module itself.
    """

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = importlib.import_module(f"{package}.{modules[name]}")
        if name != modules[name]:
            found = getattr(found, name)
        setattr(sys.modules[package], name, found)  # the next time it is simply there
        return found

    return find


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a module of which some names have changed.

    The old ones go on working, with a `DeprecationWarning` that says the new one.

    Args:
        module: its `__name__`.
        names: the present name by the old one.
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        message = f"{module}.{name} is now called {names[name]}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(sys.modules[module], names[name])

    return find
