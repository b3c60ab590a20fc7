"""The command line: verbs, options, exit codes; no logic. Each verb imports its heavy libraries itself.

Exit codes: 0 done, 2 something the user can fix, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from search.cli import cluster, launch, lr_range, mlflow, recipes, replay, results, scripts, status
from search.cli.surroundings import prepare
from search.cli.terminal import shielded
from search.execution.job_protocol import ERROR_PREFIX
from trainables.errors import SteadytuneError

app = typer.Typer(
    name="steadytune",
    help="Finds the configuration that trains your vision model steadily.",
    no_args_is_help=True,
    add_completion=False,
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
        app()
    except SteadytuneError as error:
        print(f"{ERROR_PREFIX}{error}", file=sys.stderr)
        sys.exit(2)
    except PermissionError as error:
        fix = "run this as its owner, or give yourself access to it"
        print(f"{ERROR_PREFIX}{error.filename}: {str(error.strerror).lower()}; {fix}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{ERROR_PREFIX}interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # Such as `steadytune explain … | head`: nobody reads any more, also not what Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


for _verb in (
    *launch.VERBS,
    status.status,
    *results.VERBS,
    *recipes.VERBS,
    *scripts.VERBS,
    lr_range.lr_range,
    replay.replay,
    *mlflow.VERBS,
    *cluster.VERBS,
):
    app.command()(_verb)
