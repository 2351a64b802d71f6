"""The whole check: what a training looks at before its first step, then the pixels of all pairs.

Memory: names of files, 8 bytes a picture, and the first few examples of everything; no picture stays.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from img2img.checking.advice import Advice, colours_advice, ids_advice
from img2img.checking.alignment import Alignment
from img2img.checking.finding import LEVELS, Finding
from img2img.checking.histogram import RARE, ClassRow, FileHistograms, class_rows
from img2img.checking.instances import Instances
from img2img.checking.ledger import LEDGER, Ledger
from img2img.checking.likeness import Twins, find_twins, names_of
from img2img.checking.looks import PairLook, Roles, look_at_pair
from img2img.checking.thinness import Thinness
from img2img.data.headers import Headers
from img2img.data.layouts import PairIndex, Record
from img2img.data.palettes import load_palette
from img2img.data.scan import in_parallel
from img2img.data.spec import DataSpec
from img2img.data.survey import Survey, find, judge, look_through
from img2img.data.tally import KEPT, Some
from img2img.errors import DataError, counted
from img2img.schema import DataConfig

SAMPLED = 200  # pairs whose files are compared with one another, evenly spaced


@dataclass
class Pixels:
    """What the pixels of all pairs say.

    Attributes:
        marks: the targets' fingerprints, in the order of the pairs.
        dull: why -> files.
    """

    marks: np.ndarray
    damaged: Some[str]
    dull: dict[str, Some[Path]] = field(default_factory=dict)
    instances: Instances = field(default_factory=Instances)
    thinness: Thinness = field(default_factory=Thinness)
    alignment: Alignment = field(default_factory=Alignment)

    def add(self, place: int, look: PairLook) -> None:
        """One more pair."""
        self.marks[place] = look.mark
        for message in look.damaged:
            self.damaged.add(message)
        for path, why in look.dull:
            self.dull.setdefault(why, Some()).add(path)
            if self.damaged.tell:
                self.damaged.tell(f"{path}: {why}")
        if look.instances is not None:
            self.instances.add(look.instances, look.lossy)
        if look.thin is not None:
            self.thinness.add(look.thin)
        if look.shifts is not None:
            self.alignment.maps.append(look.shifts)


@dataclass
class Report:
    """All that was found. What could not be looked at, because of a problem, is None.

    Attributes:
        config: the user's settings.
        out: the folder of the report.
        histogram: the CSV of ids by file.
        ledger: every single file that something is wrong with.
    """

    config: DataConfig
    out: Path
    ledger: Ledger
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
    report = Report(config, out, Ledger(out / LEDGER))
    if not Path(config.path).expanduser().exists():
        find(config)  # says so
    with report.catch():
        report.index = find(config)
    if report.index is None:
        return report
    report.findings += _pair_findings(report.index)
    for line in report.index.left_out:
        report.ledger.add(f"left out: {line}")
    report.advice, found = colours_advice(config, report.index, out)
    report.findings += found
    _look_at_labels(report)
    _look_at_pixels(report)
    report.ledger.close()
    report.sort()
    return report


def _pair_findings(index: PairIndex) -> list[Finding]:
    """What is found, and what is missing or doubled."""
    used = len(index.train) + len(index.val)
    findings = [
        Finding(
            "remark",
            f"layout {index.layout.name}: {counted(used, 'pair')}, {len(index.train)} to train on and "
            f"{len(index.val)} to validate ({index.val_source})",
        )
    ]
    doubled = set(index.doubled)
    missing = [line for line in index.left_out if line not in doubled]
    if missing:
        text = "left out, because a file of the pair is missing or cannot be used"
        named = counted(len(missing), "name")
        findings.append(Finding("warning", f"{named} {text}", tuple(missing[:KEPT]), len(missing)))
    if doubled:
        text = "left out, because another file of the same name is used"
        named = counted(len(doubled), "file")
        lines = tuple(index.doubled[:KEPT])
        findings.append(Finding("warning", f"{named} {text}", lines, len(doubled)))
    return findings


def _look_at_labels(report: Report) -> None:
    """The part that a training does, too: headers, label maps, and what they mean."""
    config = report.advice.applied(report.config)
    histograms = FileHistograms(report.index.root)
    report.survey = look_through(
        config, report.index, catch=report.catch, each=histograms.add, tell=report.ledger.add
    )
    findings = next(iter(report.survey.labels.values()), None)
    report.spec, remarks = judge(config, report.survey, catch=report.catch)
    report.findings += [Finding.of_remark(remark) for remark in remarks]
    if findings is not None:
        ids_advice(report.advice, config, findings)
        advised = report.advice.applied(report.config)
        if advised != config:  # the same files under settings that suit them
            report.spec, _ = judge(advised, report.survey, catch=_ignoring)
        source = report.spec.of_kind("labels") if report.spec else None
        report.classes = class_rows(findings, source, advised.ignore_id)
        report.findings += _class_findings(report.classes)
        if histograms.files:
            report.histogram = report.out / "labels.csv"
            names = {row.ident: row.name for row in report.classes}
            histograms.write(report.histogram, sorted(findings.pixels), names)
    report.findings += _header_findings(report.survey.headers)


@contextmanager
def _ignoring() -> Iterator[None]:
    """Lets a DataError pass unsaid: it was said under the user's own settings."""
    try:
        yield
    except DataError:
        return


def _class_findings(rows: Sequence[ClassRow]) -> list[Finding]:
    rare = [row for row in rows if row.files <= RARE and not row.ignored]
    if not rare or len(rare) == len(rows):
        return []
    text = (
        f"{counted(len(rare), 'class', 'classes')} in no more than {RARE} label maps: there is "
        "little to learn them from"
    )
    lines = tuple(f"id {r.ident} ({r.name}): {counted(r.files, 'file')}" for r in rare[:KEPT])
    return [Finding("remark", text, lines, len(rare))]


def _header_findings(headers: Headers) -> list[Finding]:
    """Turned pictures and unusual colours, which are read, but seldom meant."""
    found = []
    turned, spaces = Some(), {}
    for kinds in headers.kinds.values():
        for kind, files in kinds.items():
            if kind.turned:
                turned.join(files)
            if kind.space:
                spaces.setdefault(kind.space, Some()).join(files)
    if turned:
        text = (
            f"{counted(turned.count, 'picture')} turned or mirrored by EXIF: they are read upright; "
            "see that the other files of these pairs are upright too"
        )
        found.append(Finding("warning", text, tuple(map(str, turned.first)), turned.count))
    for space, files in spaces.items():
        text = (
            f"{counted(files.count, 'picture')} in {space}: the numbers are taken as if they were "
            "sRGB. Convert them where colours matter"
        )
        found.append(Finding("remark", text, tuple(map(str, files.first)), files.count))
    if len(headers.sizes) > 1:
        text = (
            f"the pictures have {len(headers.sizes)} sizes: for batches of more than one, set "
            "data.crop or data.resize"
        )
        found.append(Finding("remark", text))
    return found


def _look_at_pixels(report: Report) -> None:
    """Every pair once more, with all its pixels."""
    survey = report.survey
    config = report.advice.applied(report.config)
    layout = report.index.layout
    palette = load_palette(config.palette).colours if config.palette else ()
    parts = {part.name: part for part in layout.parts}
    report.roles = roles = Roles(survey.inputs, survey.target, parts, palette)
    records = survey.headers.usable
    report.pixels = pixels = Pixels(np.zeros(len(records), np.uint64), Some(tell=report.ledger.add))
    sampled = set(np.linspace(0, len(records) - 1, min(len(records), SAMPLED)).astype(int).tolist())

    def look(place: int) -> PairLook:
        return look_at_pair(records[place], roles, sampled=place in sampled)

    for place, found in enumerate(in_parallel(look, range(len(records)), "pixels")):
        pixels.add(place, found)
    report.findings += _pixel_findings(pixels)
    objects = roles.first_of("instances")
    if objects:
        report.findings += pixels.instances.findings(survey.headers.kinds[objects.folder])
    report.findings += _twin_findings(report, records)


def _pixel_findings(pixels: Pixels) -> list[Finding]:
    found = []
    if pixels.damaged:
        text = f"{counted(pixels.damaged.count, 'file')} damaged inside, behind a good header"
        found.append(Finding("problem", text, tuple(pixels.damaged.first), pixels.damaged.count))
    meanings = {
        "black": "nearly black",
        "one colour": "of one colour all over",
        "not finite": "with values that are not finite (NaN or infinity)",
    }
    for why, files in pixels.dull.items():
        text = f"{counted(files.count, 'picture')} {meanings[why]}: look at them, or leave the pairs out"
        level = "problem" if why == "not finite" else "warning"
        found.append(Finding(level, text, tuple(map(str, files.first)), files.count))
    return found + [
        finding
        for finding in (pixels.thinness.finding(), pixels.alignment.finding())
        if finding is not None
    ]


def _twin_findings(report: Report, records: Sequence[Record]) -> list[Finding]:
    """Compares validation with training, as far as both are readable."""
    names = {id(record) for record in report.index.val}
    is_val = np.array([id(record) in names for record in records], bool)
    marks, roles = report.pixels.marks, report.roles
    groups = {
        wanted: [record for record, val in zip(records, is_val, strict=True) if val != wanted]
        for wanted in (True, False)
    }

    def read(is_train: bool, place: int) -> np.ndarray:
        return roles.picture(groups[is_train][place], roles.target)

    report.twins = find_twins(marks[~is_val], marks[is_val], read)
    finding = report.twins.finding(names_of(groups[True], groups[False]))
    return [finding] if finding else []
