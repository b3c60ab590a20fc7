"""The command line: verbs, options, exit codes; no logic. Nothing heavy is imported before a verb needs it.

Exit codes: 0 done, 2 something the user can mend, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli import cluster as cli_cluster
from search.cli import lr_range as cli_range
from search.cli import options
from search.cli import recipes as cli_recipes
from search.cli import replay as cli_replay
from search.cli import results as cli_results
from search.cli import status as cli_status
from search.cli.options import DEFAULT_ROOT, Address, Detach, Json, Root, Sets, Storage

if TYPE_CHECKING:
    from search.sweep import SweepSpec

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


_APART = ("file", "set_", "stability", "detach", "sweeps")
"""The arguments of `launch` that are no field of a sweep, or not as they stand."""


@app.command()
def launch(
    file: Annotated[
        Path | None, typer.Argument(help="sweep file (YAML); options go on top of it", metavar="SWEEP.yaml")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="recipe's name or module:Class")] = None,
    preset: Annotated[str | None, typer.Option(help="recipe's preset")] = None,
    data: Annotated[str | None, typer.Option(help="data set")] = None,
    trials: Annotated[int | None, typer.Option(help="trials of the search")] = None,
    epochs: Annotated[int | None, typer.Option(help="epochs of the search, all trials together")] = None,
    hours: Annotated[float | None, typer.Option(help="hours of the whole sweep")] = None,
    patience: Annotated[int | None, typer.Option(help="finished trials without a gain that end the search")] = None,
    name: Annotated[str | None, typer.Option(help="name of the sweep")] = None,
    seed: Annotated[int | None, typer.Option(help="seed of the sweep")] = None,
    set_: Sets = None,
    enqueue: Annotated[list[str] | None, typer.Option(help="named training to run first; may be repeated")] = None,
    warm_start: Annotated[list[str] | None, typer.Option(help="earlier sweep to learn from; may be repeated")] = None,
    warm_start_with: Annotated[
        str | None, typer.Option(help="best: train their 3 best first; all: learn from all")
    ] = None,
    sampler: Annotated[str | None, typer.Option(help="tpe, tpe_univariate, random, gp, cmaes or qmc")] = None,
    scheduler: Annotated[str | None, typer.Option(help="asha, stopping, freeze_thaw or none")] = None,
    grace_epochs: Annotated[int | None, typer.Option(help="epochs before the first rung")] = None,
    reduction_factor: Annotated[float | None, typer.Option(help="factor between the rungs' epochs")] = None,
    min_peers: Annotated[int | None, typer.Option(help="trials that the first rung waits for")] = None,
    brackets: Annotated[int | None, typer.Option(help="groups of trials, each with its first rung later")] = None,
    stability: Annotated[
        list[str] | None, typer.Option(help="when a training counts as lost: train_factor=2.5")
    ] = None,
    audit: Annotated[float | None, typer.Option(help="share of stopped trials to train out, as a check")] = None,
    confirm_top: Annotated[int | None, typer.Option(help="best configurations to train again")] = None,
    confirm_seeds: Annotated[int | None, typer.Option(help="fresh seeds for each of them")] = None,
    limits: Annotated[list[str] | None, typer.Option(help="highest cost: epoch_seconds=30, checkpoint_mb=100")] = None,
    also: Annotated[str | None, typer.Option(help="show trade-offs with epoch_seconds or checkpoint_mb")] = None,
    workers: Annotated[int | None, typer.Option(help="trials at a time")] = None,
    cpus: Annotated[float | None, typer.Option(help="CPU cores of a trial")] = None,
    gpus: Annotated[str | None, typer.Option(help="GPUs of a trial: 0.5 for half of one, auto for what fits")] = None,
    memory_gb: Annotated[float | None, typer.Option(help="main memory of a trial")] = None,
    retries: Annotated[int | None, typer.Option(help="restarts of a trial whose process died")] = None,
    hang_minutes: Annotated[float | None, typer.Option(help="an epoch that takes longer is taken for a hang")] = None,
    address: Address = None,
    checkpoint_every: Annotated[int | None, typer.Option(help="epochs between checkpoints")] = None,
    keep_checkpoints: Annotated[int | None, typer.Option(help="best checkpoints to keep")] = None,
    max_checkpoint_gb: Annotated[float | None, typer.Option(help="bound on the disk for checkpoints")] = None,
    data_cache_gb: Annotated[float | None, typer.Option(help="bound on a node's disk for data sets at URIs")] = None,
    data_fingerprint: Annotated[str | None, typer.Option(help="what data at a URI must hold")] = None,
    storage: Annotated[str | None, typer.Option(help="URI that all nodes reach; else they share --sweeps")] = None,
    store: Annotated[str | None, typer.Option(help="MLflow tracking URI")] = None,
    detach: Detach = False,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Run a sweep and hand back the best configuration."""
    given = {key: value for key, value in locals().items() if key not in _APART}
    given["limits"] = {name: {"high": high} for name, high in options.pairs(limits, "--limits").items()} or None
    given["gpus"] = options.value(gpus, "--gpus")
    spec = options.sweep(file, given, set_, stability)
    if cli_cluster.submits(spec.address, detach):
        cli_cluster.submit(spec.name, spec.address, sweeps, spec, detach)
    else:
        _run_sweep(spec.name, sweeps, spec)


@app.command()
def resume(
    name: str, address: Address = None, detach: Detach = False, storage: Storage = None, sweeps: Root = DEFAULT_ROOT
) -> None:
    """Go on with a sweep that was interrupted or killed."""
    folder = options.folder(sweeps, name, storage)
    where = address or folder.spec().address
    if cli_cluster.submits(where, detach):
        cli_cluster.submit(name, where, sweeps, None, detach, folder.spec().storage)
        return
    if address:
        folder.change(address=address)
    _run_sweep(name, sweeps, None)


def _run_sweep(name: str, root: Path, spec: SweepSpec | None) -> None:
    from search.checking import check
    from search.folder import SweepFolder
    from search.views.closing import announcement, closing
    from search.views.progress import Progress
    from search.warmstart import recall

    console = options.console()
    described = spec or SweepFolder.existing(root, name).spec()
    checked = check(described, SweepFolder(root, name).store(described))
    for line in [*announcement(described), *map(str, recall(checked, root) if spec else ())]:
        console.print(line)
    from search import run  # imports Ray

    try:
        with Progress(console, name) as progress:
            finished = (run.launch if spec else run.resume)(checked, root, progress, console.print)
    except KeyboardInterrupt:
        if SweepFolder(root, name).journal.is_dir():
            print(
                f"steadytune: interrupted; nothing is lost, go on with: {options.command('resume', name, root)}",
                file=sys.stderr,
            )
            sys.exit(130)
        raise
    console.print()
    for item in closing(finished.state, SweepFolder(root, name), options.command("browse", name, root)):
        console.print(item)
    if not finished.recorder.finish():
        console.print(f"MLflow could not be brought up to date; later: {options.command('sync', name, root)}")


@app.command()
def explain(
    name: str,
    trial: int,
    figure: Annotated[Path | None, typer.Option(help="draw the trial among its peers there, .png or .html")] = None,
    json_: Json = False,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Tell what became of a trial and why."""
    from search.views.chart_file import check_path, write
    from search.views.explain import explanation, explanation_json

    if figure:
        check_path(figure)
    state = options.state(options.folder(sweeps, name, storage))
    found = state.trial(trial)
    if figure:
        from search.views.trial_figure import trial_figure

        write(trial_figure(state, found), figure)
    if json_:
        print(json.dumps(explanation_json(found), indent=2))
        return
    for line in explanation(state, found):
        print(line)


@app.command()
def export(
    name: str,
    trial: Annotated[int | None, typer.Argument(help="trial; the best if not given")] = None,
    to: Annotated[
        Path | None, typer.Option(help="folder to write; the sweep's best/ or trial-NNNN/ if not given")
    ] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="write the model as ONNX too, checked against torch")] = False,
    prove: Annotated[int, typer.Option(help="epochs to train it again from the written files, to prove them")] = 0,
    storage: Storage = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Write a configuration in the recipe's own format, with its checkpoint."""
    from search.export import check_target, result
    from search.export import export as write
    from trainables.errors import SteadytuneError

    folder = options.folder(sweeps, name, storage)
    state = options.state(folder)
    chosen = state.trial(trial).started.of if trial is not None else result(state).trial
    if chosen < 0:
        raise SteadytuneError(
            f"no trial of sweep {name} trained to its end yet; name one: steadytune export {name} TRIAL"
        )
    target = to.absolute() if to else folder.best if trial is None else folder.path / f"trial-{chosen:04d}"
    if to:
        check_target(target)
    try:
        written = write(state, folder, chosen, target, onnx)
    except OSError as error:
        raise SteadytuneError(
            f"{target}: cannot be written ({error.strerror}); give another folder with --to"
        ) from None
    for path in written:
        print(path, flush=True)
    if prove:
        from search.prove import prove_afresh

        prove_afresh(target, prove)


@app.command()
def browse(
    name: Annotated[str | None, typer.Argument(help="sweep whose store to open; the folder's own if not given")] = None,
    port: Annotated[int, typer.Option(help="port on this machine")] = 5000,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Open MLflow's pages on the sweeps' store."""
    from search.folder import SweepFolder
    from search.tracking.browse import serve

    if name is None:
        serve(f"sqlite:///{sweeps.absolute() / 'mlflow.db'}", sweeps.absolute(), port)
        return
    folder = SweepFolder.existing(sweeps, name)
    spec = folder.spec()
    serve(folder.store(spec), sweeps.absolute(), port, spec)


@app.command()
def sync(name: str, sweeps: Root = DEFAULT_ROOT) -> None:
    """Bring MLflow up to date with a sweep, after a time in which it could not be reached."""
    from search.folder import SweepFolder
    from search.tracking import recorder
    from search.tracking.store import check_store
    from trainables.errors import SteadytuneError

    folder = SweepFolder.existing(sweeps, name)
    check_store(folder.store(folder.spec()))
    with folder.locked("recorder.lock"):
        if not recorder.sync(folder, lambda: True):
            raise SteadytuneError(
                f"sweep {name} could not be written to {folder.store(folder.spec())}; try again later"
            )
    print(f"{name}: MLflow has everything that the journal has")
    ended = options.state(folder).ended
    if ended is not None and ended.trial >= 0 and not (folder.best / "checkpoint").is_dir():
        write = options.command("export", name, sweeps)
        print(
            f"{folder.best} holds no checkpoint, so its model is not registered anew; write it with {write}, then sync"
        )


for _module in (cli_results, cli_recipes, cli_cluster):
    _module.add_to(app)
for _verb in (cli_range.lr_range, cli_replay.replay, cli_status.status):
    app.command()(_verb)
