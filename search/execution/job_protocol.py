"""What a sweep's job prints for those who follow it: the lines that other processes recognise.

They are a protocol, not wording: `jobs.py` finds out by them that a job has started and why it failed.
"""

SWEEP_RUNS = "The sweep runs"
"""Begins the line that a sweep prints once nothing has refused it."""
ERROR_PREFIX = "steadytune: "
"""Begins the one sentence about a mistake of the user's."""
