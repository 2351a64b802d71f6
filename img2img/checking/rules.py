"""What names, headers and pixels give occasion to say."""

from pathlib import Path

from img2img.checking.finding import Finding, Level
from img2img.checking.pixels import Pixels
from img2img.data.headers import Headers
from img2img.data.layouts import PairIndex
from img2img.data.tally import KEPT, Some
from img2img.errors import counted


def pair_findings(index: PairIndex) -> list[Finding]:
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
    if index.others:
        level: Level = "warning" if index.others.doubtful else "remark"
        findings.append(Finding(level, index.others.said()))
    return findings


def header_findings(headers: Headers) -> list[Finding]:
    """Turned pictures and unusual colours, which are read, but seldom meant."""
    found = []
    turned: Some[Path] = Some()
    spaces: dict[str, Some[Path]] = {}
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


def pixel_findings(pixels: Pixels) -> list[Finding]:
    """Damage that shows when files are read, dull pictures, and what a sample of pairs says."""
    found = []
    if pixels.damaged:
        text = f"{counted(pixels.damaged.count, 'file')} damaged inside, behind a good header"
        found.append(Finding("problem", text, tuple(pixels.damaged.first), pixels.damaged.count))
    if pixels.unusable:
        said = "that cannot be used, each for its own reason"
        text = f"{counted(pixels.unusable.count, 'file')} {said}"
        found.append(Finding("problem", text, tuple(pixels.unusable.first), pixels.unusable.count))
    meanings = {
        "black": "nearly black",
        "one colour": "of one colour all over",
        "not finite": "with values that are not finite (NaN or infinity)",
    }
    for why, files in pixels.dull.items():
        text = f"{counted(files.count, 'picture')} {meanings[why]}: look at them, or leave the pairs out"
        level: Level = "problem" if why == "not finite" else "warning"
        found.append(Finding(level, text, tuple(map(str, files.first)), files.count))
    return found + [
        finding
        for finding in (pixels.thinness.finding(), pixels.alignment.finding())
        if finding is not None
    ]
