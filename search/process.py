"""A Python process of our own making that can import whatever this one can."""

from __future__ import annotations

import os
import sys


def python_path() -> str:
    """This process' `sys.path` as a `PYTHONPATH`.

    A recipe given as `module:Class` may lie in a folder that only this process was told of; a process that reads the
    sweep's settings must find it too.
    """
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)
