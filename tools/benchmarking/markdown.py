"""Tables in pages of docs/ that a tool writes, between text that people write."""

from collections.abc import Sequence
from pathlib import Path

from img2img.errors import ConfigError


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def insert(page: Path, name: str, text: str) -> None:
    """Replaces what stands between `<!-- NAME -->` and `<!-- end -->` in a page.

    Raises:
        ConfigError: the page has no such place.
    """
    begin, end = f"<!-- {name} -->\n", "<!-- end -->"
    content = page.read_text(encoding="utf-8")
    before, found, rest = content.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ConfigError(f"{page}: no place for the table, {begin.strip()} … {end}")
    page.write_text(f"{before}{begin}\n{text}\n\n{end}{after}", encoding="utf-8")
