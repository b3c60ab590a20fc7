"""The command line: verbs, options, exit codes; no logic. `search.cli.verbs` imports the verb that is called.

Exit codes are in `search.cli.exit_codes`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import typer.exceptions

from search.cli import usage
from search.cli.exit_codes import INTERRUPTED, MISTAKE, NOTHING_TRAINED
from search.cli.surroundings import prepare
from search.cli.terminal import shielded
from search.cli.usage import PROGRAM
from search.cli.verbs import VerbGroup
from search.execution.crash import disk_problem
from search.execution.job_protocol import ERROR_PREFIX
from trainables.errors import SettingsError, SteadytuneError, TrainingLostError

app = typer.Typer(
    name="steadytune",
    cls=VerbGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; a user's mistake becomes one sentence on standard error and exit code 2."""
    with shielded():
        _run()


def _run() -> None:
    try:
        prepare()
        sys.path.append(str(Path.cwd()))  # for a recipe given as module:Class; `python -m` does the same
        _call()
    except SteadytuneError as error:
        _leave(str(error), MISTAKE)
    except TrainingLostError as error:
        _leave(str(error), NOTHING_TRAINED)
    except typer.Abort:
        _leave("interrupted", INTERRUPTED)
    except PermissionError as error:
        fix = "run this as its owner, or give yourself access to it"
        _leave(f"{error.filename}: {str(error.strerror).lower()}; {fix}", MISTAKE)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        _leave(f"{error.filename}: {str(error.strerror).lower()}; give another path", MISTAKE)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Such as `steadytune explain … | head`: nobody reads any more, also not what Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if not (problem := disk_problem(error)):
            raise
        _leave(f"{error.filename}: {problem}" if error.filename else problem, MISTAKE)


def _call() -> None:
    """Hand the command line to Typer; not standalone, since it would print several lines about a mistake."""
    try:
        code = app(standalone_mode=False, prog_name=PROGRAM)
    except typer.exceptions.TyperException as error:
        if type(error).__name__ != "NoArgsIsHelpError":
            raise SettingsError(usage.sentence(error)) from None
        print(error.format_message())  # the help
        code = MISTAKE
    if code == INTERRUPTED:  # Typer has turned the exception into this
        raise KeyboardInterrupt
    if code:
        sys.exit(code)


def _leave(sentence: str, code: int) -> NoReturn:
    """End with one sentence on standard error."""
    print(f"{ERROR_PREFIX}{' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(code)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Finds the configuration that trains your vision model steadily.

    A first sweep: check SWEEP.yaml, launch SWEEP.yaml, status NAME, explain NAME TRIAL, export NAME. How the file is
    written: docs/own-sweep.md.
    """
