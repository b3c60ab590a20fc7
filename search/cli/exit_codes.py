"""The exit codes of the command line: 0 done, and these."""

from __future__ import annotations

NOTHING_TRAINED = 1
"""A training was lost, or no trial of a sweep trained to its end: the command line was right, but there is no model."""
MISTAKE = 2
"""Something that the user can fix, which one sentence on standard error says."""
INTERRUPTED = 130
"""Ctrl-C, or a signal or an answer that means the same."""
