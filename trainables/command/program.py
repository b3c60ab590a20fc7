"""Whether a command line's program, and the script that it runs, are on this machine."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from trainables.errors import SettingsError

INTERPRETER = re.compile(r"(python|pypy)[\d.]*|(ba|da|z)?sh|Rscript|julia|perl|ruby|torchrun|accelerate|deepspeed")
"""Programs that run a script; what other programs make of their arguments is not known."""
SCRIPT = re.compile(r".+\.(py|sh|R|jl|pl|rb)")
NO_SCRIPT = {"-m", "-c", "--module"}
"""Options after which the code comes from elsewhere."""
OF_A_SHELL = {"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1", "&>"}
"""Words that a shell would act on; without one they are arguments of the program."""
VARIABLE = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)


def check_program(command: Sequence[str], directory: Path) -> None:
    """Check that a command can be started in `directory`. Words with a placeholder are not known yet.

    Raises:
        SettingsError: its program is not found or may not be run, there is no such script, or it needs a shell.
    """
    program, *words = command
    if needs_shell := next((word for word in words if word in OF_A_SHELL), None):
        fix = "write the line into a file, say run.sh, and give `bash run.sh` with what it needs as arguments"
        raise SettingsError(f"command: {needs_shell!r} is for a shell, and no shell runs the command; {fix}")
    if VARIABLE.fullmatch(program):
        raise SettingsError(
            f"command: {program!r} sets a variable, which a shell does, and no shell runs the command; write `env` "
            "before it"
        )
    if "${" in program:
        return
    if "/" in program:
        _check_file(program, directory / program)
    elif shutil.which(program) is None:
        in_directory = directory / program
        fix = (
            f"for the file in {directory} write ./{program}"
            if in_directory.is_file()
            else "give its path, or install it"
        )
        raise SettingsError(f"command: {program!r} is no program on the PATH; {fix}")
    if script := _script(Path(program).name, words):
        path = directory / script
        is_package = Path(program).name.startswith(("python", "pypy")) and (path / "__main__.py").is_file()
        if not path.is_file() and not is_package:
            raise SettingsError(f"command: {script!r} is no file in {directory}; give the path of the script")


def _check_file(program: str, path: Path) -> None:
    if not path.is_file():
        raise SettingsError(f"command: {program!r} is no file; give the path of the program")
    if not os.access(path, os.X_OK):
        fix = f"`chmod +x {program}`, or write its interpreter before it, such as bash or python"
        raise SettingsError(f"command: {program!r} is not executable; {fix}")


def _script(program: str, words: Sequence[str]) -> str | None:
    """The script that an interpreter's arguments name; None if that is not sure."""
    if not INTERPRETER.fullmatch(program):
        return None
    if words and program not in ("torchrun", "accelerate", "deepspeed") and not words[0].startswith("-"):
        return None if "${" in words[0] else words[0]
    for word in words:
        if word in NO_SCRIPT or "${" in word or re.fullmatch(r"-[a-z]+c", word):  # bash -lc
            return None
        if SCRIPT.fullmatch(word) and not word.startswith("-"):
            return word
    return None
