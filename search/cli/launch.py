"""The verbs that run a sweep: launch, resume."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli import cluster as cli_cluster
from search.cli import options
from search.cli.options import DEFAULT_ROOT, Address, Detach, Root, Sets, Storage

if TYPE_CHECKING:
    from search.sweep.spec import SweepSpec


_APART = ("file", "set_", "stability", "detach", "sweeps")
"""The arguments of `launch` that are no field of a sweep, or not as they stand."""


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
    from search.check import check
    from search.sampling.warm_start import recall
    from search.sweep.folder import SweepFolder
    from search.views.progress import Progress
    from search.views.summary import banner, summary

    console = options.console()
    described = spec or SweepFolder.existing(root, name).spec()
    checked = check(described, SweepFolder(root, name).store(described))
    for line in [*banner(described), *map(str, recall(checked, root) if spec else ())]:
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
    for item in summary(finished.state, SweepFolder(root, name), options.command("browse", name, root)):
        console.print(item)
    if not finished.recorder.finish():
        console.print(f"MLflow could not be brought up to date; later: {options.command('sync', name, root)}")


VERBS = (launch, resume)
