"""The whole check: what a training looks at before its first step, then the pixels of all pairs.

Memory: names of files, 8 bytes a picture, and the first few examples of everything; no picture stays.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.checking.advice import Advice, colours_advice, ids_advice
from img2img.checking.faults import FAULTS, FaultList
from img2img.checking.finding import LEVELS, Finding
from img2img.checking.histogram import ClassRow, FileHistograms, class_rows
from img2img.checking.likeness import Twins, find_twins, names_of
from img2img.checking.looks import PairScan, Roles, scan_pair
from img2img.checking.pixels import Pixels
from img2img.checking.rules import header_findings, pair_findings, pixel_findings
from img2img.data.layouts import PairIndex
from img2img.data.pairing.table import Records
from img2img.data.parallel import in_parallel
from img2img.data.spec import DataSpec
from img2img.data.survey import Survey, find, judge, look_through
from img2img.data.tally import Some
from img2img.errors import DataError
from img2img.places import expand
from img2img.schema import DataConfig

SAMPLED = 200  # pairs whose files are compared with one another, evenly spaced


@dataclass
class Report:
    """All that was found. What could not be looked at, because of a problem, is None.

    Attributes:
        config: the user's settings.
        out: the folder of the report.
        histogram: the CSV of ids by file.
        faults: every single file that something is wrong with.
    """

    config: DataConfig
    out: Path
    faults: FaultList
    findings: list[Finding] = field(default_factory=list)
    advice: Advice = field(default_factory=Advice)
    index: PairIndex | None = None
    survey: Survey | None = None
    spec: DataSpec | None = None
    roles: Roles | None = None
    pixels: Pixels | None = None
    twins: Twins | None = None
    classes: Sequence[ClassRow] = ()
    histogram: Path | None = None

    def of_level(self, level: str) -> list[Finding]:
        """The findings of a level."""
        return [finding for finding in self.findings if finding.level == level]

    @contextmanager
    def catch(self) -> Iterator[None]:
        """Keeps a DataError as a problem."""
        try:
            yield
        except DataError as error:
            self.findings.append(Finding("problem", str(error)))

    def sort(self) -> None:
        """The worst first, everything once."""
        unique = dict.fromkeys(self.findings)
        self.findings = sorted(unique, key=lambda finding: LEVELS.index(finding.level))


def check_data(config: DataConfig, out: Path) -> Report:
    """Looks at everything, and goes on whatever it finds.

    Args:
        out: the folder, already there, in which a CSV and perhaps a palette are left.

    Raises:
        DataError: settings that cannot be used, no such folder.
        OSError: a file of the report cannot be written.
    """
    report = Report(config, out, FaultList(out / FAULTS))
    if not expand(config.path or "").exists():
        find(config)  # says so
    with report.catch():
        report.index = find(config)
    if report.index is None:
        return report
    report.findings += pair_findings(report.index)
    for line in report.index.left_out:
        report.faults.add(f"left out: {line}")
    report.advice, found = colours_advice(config, report.index, out)
    report.findings += found
    survey = _scan_labels(report, report.index)
    _scan_pixels(report, survey)
    report.faults.close()
    report.sort()
    return report


def _scan_labels(report: Report, index: PairIndex) -> Survey:
    """The part that a training does, too: headers, label maps, and what they mean."""
    config = report.advice.applied(report.config)
    histograms = FileHistograms(index.root)
    report.survey = survey = look_through(
        config, index, catch=report.catch, each=histograms.add, tell=report.faults.add
    )
    findings = next(iter(survey.labels.values()), None)
    report.spec, remarks = judge(config, survey, catch=report.catch)
    report.findings += [Finding.of_remark(remark) for remark in remarks]
    if findings is not None:
        ids_advice(report.advice, config, findings)
        advised = report.advice.applied(report.config)
        if advised != config:  # the same files under settings that suit them
            report.spec, _ = judge(advised, survey, catch=_ignoring)
        source = report.spec.labels if report.spec else None
        report.classes = class_rows(findings, source, advised.ignore_id)
        if histograms.files:
            report.histogram = report.out / "labels.csv"
            names = {row.ident: row.name for row in report.classes}
            histograms.write(report.histogram, sorted(findings.pixels), names)
    report.findings += header_findings(survey.headers)
    return survey


@contextmanager
def _ignoring() -> Iterator[None]:
    """Lets a DataError pass unsaid: it was said under the user's own settings."""
    try:
        yield
    except DataError:
        return


def _scan_pixels(report: Report, survey: Survey) -> None:
    """Every pair once more, with all its pixels."""
    parts = {part.name: part for part in survey.index.layout.parts}
    report.roles = roles = Roles(survey.inputs, survey.target, parts, survey.drafts)
    records = survey.usable
    marks, tell = np.zeros(len(records), np.uint64), report.faults.add
    report.pixels = pixels = Pixels(marks, Some(tell=tell), Some(tell=tell))
    sampled = set(np.linspace(0, len(records) - 1, min(len(records), SAMPLED)).astype(int).tolist())

    def scan_one(place: int) -> PairScan:
        return scan_pair(records[place], roles, sampled=place in sampled)

    for place, found in enumerate(in_parallel(scan_one, range(len(records)), "pixels")):
        pixels.add(place, found)
    report.findings += pixel_findings(pixels)
    report.findings += pixels.instances.findings()
    report.twins, findings = _find_twins(records, survey.held_out, pixels.marks, roles)
    report.findings += findings


def _find_twins(
    records: Records, is_val: np.ndarray, marks: np.ndarray, roles: Roles
) -> tuple[Twins, list[Finding]]:
    """Compares validation with training, as far as both are readable."""
    groups = {
        True: records.take(np.flatnonzero(~is_val)),
        False: records.take(np.flatnonzero(is_val)),
    }

    def read(is_train: bool, place: int) -> np.ndarray:
        return roles.picture(groups[is_train][place], roles.target)

    twins = find_twins(marks[~is_val], marks[is_val], read)
    finding = twins.finding(names_of(groups[True], groups[False]))
    return twins, [finding] if finding else []
