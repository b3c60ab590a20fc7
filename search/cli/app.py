"""The command line: verbs, options, exit codes; no logic. Nothing heavy is imported before a verb needs it.

Exit codes: 0 done, 2 something the user can mend, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from search.cli import cluster, launch, lr_range, mlflow, recipes, replay, results, status

app = typer.Typer(
    name="steadytune",
    help="Finds the configuration that trains your vision model steadily.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; a mistake of the user's becomes one sentence and exit code 2."""
    from trainables.errors import SteadytuneError

    sys.path.append(str(Path.cwd()))  # for a recipe given as module:Class; `python -m` does the same
    try:
        app()
    except SteadytuneError as error:
        print(f"steadytune: {error}", file=sys.stderr)
        sys.exit(2)
    except PermissionError as error:
        fix = "run this as its owner, or give yourself the right to it"
        print(f"steadytune: {error.filename}: {str(error.strerror).lower()}; {fix}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("steadytune: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


for _verb in (
    *launch.VERBS,
    status.status,
    *results.VERBS,
    *recipes.VERBS,
    lr_range.lr_range,
    replay.replay,
    *mlflow.VERBS,
    *cluster.VERBS,
):
    app.command()(_verb)
