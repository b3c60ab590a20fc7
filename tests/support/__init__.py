"""What tests share: recipes with known curves, workers without Ray, servers, and comparisons of sweeps."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
"""The checkout, which subprocesses need on their `PYTHONPATH`."""

SUPPORT = REPOSITORY / "tests" / "support"
"""This folder, for processes that find a recipe there by its bare name, as users' recipes are found."""
