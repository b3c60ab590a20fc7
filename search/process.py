"""What one process of a sweep tells another of ours: what it can import, and that it is a cluster's job."""

from __future__ import annotations

import os
import sys

JOB = "STEADYTUNE_JOB"
"""Holds the job's id in a driver that was submitted as a job: the cluster is the one that it runs on."""


def python_path() -> str:
    """This process' `sys.path` as a `PYTHONPATH`.

    A recipe given as `module:Class` may lie in a folder that only this process was told of; a process that reads the
    sweep's settings must find it too.
    """
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)
