"""Measures the styles of a run on the built-in scenes, whose true styles are known.

    python tools/benchmark_styles.py --run demo [--against OTHER_RUN]

Prints how clusters agree with true styles (adjusted Rand index), what picking a style does to an
object's colour and to the rest of the picture, and how much random styles differ.
"""

import argparse
import sys

import numpy as np
from benchmarking.styles import REACH, Truth, style_errors

from img2img.cli import run
from img2img.inference.styles.clustering import AUTO, K
from img2img.inference.styles.making import StyledRun
from img2img.inference.translator import Translator


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", help="name (runs/NAME) or path; default: the newest run")
    parser.add_argument("--against", help="a run without styles, to compare the diversity with")
    parser.add_argument("--limit", type=int, default=1000, help="training scenes to cluster")
    parser.add_argument("--scenes", type=int, default=20, help="held-out scenes to draw")
    a = parser.parse_args(argv)
    styled = StyledRun.load(a.run)
    truth = Truth(styled, limit=a.limit)
    found = truth.agreement()
    print("class      objects  styles  ARI at true k  at k=10  at k=auto (k found)")
    for row in found:
        scores = f"{row.at[row.true]:13.3f}  {row.at[K]:7.3f}  {row.at[AUTO]:9.3f} ({row.found})"
        print(f"{row.name:10} {row.objects:7}  {row.true:6}  {scores}")
    print(f"mean ARI at the true k: {np.mean([row.at[row.true] for row in found]):.3f}")
    book = truth.book()
    picks = list(truth.picks(book, a.scenes))
    print("\nclass      picks  colour error (median)  within 15 %  worst style  inside  outside")
    for name in [*truth.classes.values(), "all"]:
        own = [p for p in picks if name in (p.name, "all")]
        if not own:
            continue
        error = np.array([p.error for p in own])
        inside, outside = np.mean([p.inside for p in own]), np.mean([p.outside for p in own])
        share = f"{np.median(error):21.3f}  {np.mean(error <= 0.15):11.0%}"
        worst = max(style_errors(own).values())
        print(f"{name:10} {len(own):5}  {share}  {worst:11.3f}  {inside:6.2f}  {outside:7.2f}")
    print(
        "(error: share of the distance between the true styles, for an object, and for the mean over"
    )
    print("the objects of the class's worst style; inside, outside: change of the picture in grey")
    print(f"levels of 255, in the object and farther than {REACH} pixels from it)")
    styled.translator.book = book
    mean = truth.diversity(styled.translator, a.scenes)
    print(f"\nmean difference between random looks of a label map: {mean:.2f} grey levels")
    if a.against:
        mean = truth.diversity(Translator.load(a.against), a.scenes)
        print(f"the same of {a.against}, with its own noise: {mean:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
