"""Tests, their kit and the benchmarks. A package, so that another package named `tests` cannot take its place."""
