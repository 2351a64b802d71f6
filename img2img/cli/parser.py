"""Arguments: what is wrong with them is one message that says what to write instead."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from img2img.errors import DataError, best_match
from img2img.habits import plain, targets
from img2img.places import expand

_ALIKE = 0.6  # likeness from which one flag may be a slip for another; short ones are soon alike


def path(text: str) -> Path:
    """A path as an argument; `~` stands for a home folder, also where no shell has seen it."""
    try:
        return expand(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class Parser(argparse.ArgumentParser):
    """Says what is wrong in a line where argparse would print its usage; it leaves with code 2, too.

    Args:
        settings: the sections whose settings the command takes as key=value.
    """

    def __init__(self, *, settings: tuple[str, ...] = (), **options):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.settings = settings
        self._given: list[str] = []

    def parse_known_args(self, args=None, namespace=None):
        """As argparse's, by which all others of its methods parse; remembers what was given."""
        self._given = self._given or list(args or ())
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """What argparse found, in words that say what to write."""
        _, unknown, names = message.partition("unrecognized arguments: ")
        message = message.replace(", key=value", "")  # of which there may be none
        if not unknown or not names.startswith("-"):
            self.exit(2, f"error: {message} ({self.prog} --help lists all flags)\n")
        flags = [self._value(name) for name in names.split() if name.startswith("-")]
        lines = [f"{flag[0]} is no flag of {self.prog}; {self._instead(*flag)}" for flag in flags]
        self.exit(2, "error: " + "\n".join(lines) + "\n")

    def _value(self, flag: str) -> tuple[str, str]:
        """An unknown flag, and what was meant as its value."""
        flag, equals, value = flag.partition("=")
        if not equals and flag in self._given:
            after: Sequence[str] = self._given[self._given.index(flag) + 1 :][:1]
            value = next((word for word in after if word[:2] != "--" and "=" not in word), "")
        return flag, value

    def _instead(self, flag: str, value: str) -> str:
        """What to write for a flag of another tool, or a misspelt one."""
        for target in [*targets(flag), *self._settings_called(flag)]:
            name, constant, _ = target.partition(" ")
            if name in self._option_string_actions:
                takes = self._option_string_actions[name].nargs != 0 and not constant
                return f"write {target} {value if takes else ''}".rstrip()
            if target.partition(".")[0] in self.settings:
                return f"write {target}" if "=" in target else f"write {target}={value or '...'}"
        own = {name.lstrip("-"): name for name in self._option_string_actions}
        likeness, match = best_match(flag.lstrip("-"), own)
        if likeness > _ALIKE:
            return f"did you mean {own[match]}?"
        more = ", and `img2img train --print-config` all settings" if self.settings else ""
        return f"{self.prog} --help lists all flags{more}"

    def _settings_called(self, flag: str) -> list[str]:
        """The settings whose last name is the flag's."""
        if not self.settings:
            return []
        from img2img.models import OPTIONS
        from img2img.schema import Config, walk

        name = plain(flag)
        paths = [*walk(Config), *(f"model.{p}" for own in OPTIONS.values() for p in walk(own))]
        return [path for path in paths if plain(path.rpartition(".")[2]) == name]
