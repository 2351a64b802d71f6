"""How fast and how large: the cases of `tools/benchmark.py`, and how they are measured."""
