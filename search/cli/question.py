"""A question on the terminal that "n" ends the command with."""

from __future__ import annotations

import sys

import typer

from search.cli.exit_codes import INTERRUPTED


def ask(question: str, refused: str) -> None:
    """Go on after "y"; after "n" say `refused` and leave. Ctrl-C is an interrupt, as everywhere."""
    if not typer.confirm(question):
        print(refused)
        sys.exit(INTERRUPTED)
