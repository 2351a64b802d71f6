"""What a check says on a terminal."""

from collections.abc import Iterator

from img2img.checking.advice import command
from img2img.checking.check import Report
from img2img.data.roles import effective
from img2img.errors import counted


def said(report: Report) -> Iterator[str]:
    """Every finding, the remarks first: what matters stands at the end, where people look."""
    for finding in reversed(report.findings):
        yield finding.lines()


def verdict(report: Report) -> str:
    """One sentence: would a training start, and is anything doubtful?"""
    problems, warnings = len(report.of_level("problem")), len(report.of_level("warning"))
    if problems:
        noun = counted(problems, "problem")
        return f"A training would stop: {noun}, {counted(warnings, 'warning')}."
    assert report.index is not None  # else there was a problem
    pairs = f"{counted(len(report.index.train), 'pair')} to train on, {len(report.index.val)} to validate"
    if warnings:
        return f"Ready to train, with {counted(warnings, 'warning')} to look at ({pairs})."
    return f"All right: {pairs}."


def settings_line(report: Report) -> str:
    """The command that trains on these data as they want it."""
    assert report.index is not None
    return command(effective(report.config, report.index.layout), report.advice.settings)


def conclusion(report: Report) -> str:
    """The verdict, the settings and where they come from."""
    lines = [verdict(report)]
    if report.index is not None:
        lines += [f"  settings: {settings_line(report)}"]
        lines += [f"            {reason}" for reason in report.advice.reasons]
    if report.histogram is not None:
        lines.append(f"  ids of every label map: {report.histogram}")
    if report.faults.lines:
        lines.append(f"  every file with a fault: {report.faults.path}")
    return "\n".join(lines)
