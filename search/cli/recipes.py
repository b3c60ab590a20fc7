"""The verbs about recipes rather than about a sweep's results: train, evaluate, check, sample, recipes."""

# Imports inside functions: Rich and PyArrow (to read earlier sweeps) are slow, and `--help` does not load them.

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli import options, scripts, terminal
from search.cli.options import DEFAULT_ROOT, Json, RecipeName, Root, Sets
from search.sweep.folder import SweepFolder
from trainables import registry, standalone, threads
from trainables.atomic import write_file
from trainables.errors import SteadytuneError
from trainables.settings import parse, read_settings

if TYPE_CHECKING:
    from rich.console import Console

    from search.stages.stages import Stages
    from search.sweep.plan import Plan


def train(
    recipe: RecipeName,
    data: Annotated[Path, typer.Option(help="data set")],
    config: Annotated[
        Path | None, typer.Option(help="settings (YAML) on top of the preset, or a complete settings.yaml")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="recipe's preset; paper, or the checkpoint's settings in a resume, if not given")
    ] = None,
    training: Annotated[str | None, typer.Option(help="one of the recipe's named trainings")] = None,
    set_: Sets = None,
    out: Annotated[Path, typer.Option(help="folder for everything that the training writes")] = Path("training"),
    resume: Annotated[
        Path | None, typer.Option(help="checkpoint to continue from; a larger setting epochs lengthens the training")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="end the training after this number of epochs without a new best")
    ] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="let the stop rules end the training; without it they only warn")
    ] = False,
    stability: Annotated[
        list[str] | None,
        typer.Option("--stability", metavar="NAME=VALUE", help="threshold of a stop rule; may be repeated"),
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(min=1, help="number of threads; OMP_NUM_THREADS if not given, else 1 as in a sweep")
    ] = None,
    store: Annotated[str, typer.Option(help="MLflow tracking URI to record the training in")] = "",
) -> None:
    """Run one training, without a sweep."""
    from search.pruning.stability import StabilitySettings
    from search.training.run import TrainingRequest
    from search.training.run import train as run_training

    threads.use(cpus)
    model = registry.find(recipe).settings_type
    values = (read_settings(config, model) if config else {}) | options.pairs(set_, "--set")
    thresholds = parse(StabilitySettings, options.pairs(stability, "--stability"), "--stability")
    request = TrainingRequest(recipe, data, out, preset, training, values, resume, patience, thresholds, stop, store)
    for line in run_training(request):
        print(line, flush=True)


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint such as epoch-0007", metavar="CHECKPOINT")],
    data: Annotated[Path, typer.Option(help="data set; its held-out split is evaluated")],
    recipe: Annotated[str | None, typer.Option(help="recipe; the one that wrote the checkpoint if not given")] = None,
    config: Annotated[Path | None, typer.Option(help="settings (YAML); the checkpoint's own if not given")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="setting that replaces the checkpoint's; may be repeated"),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="folder for a report: precision, recall, confusion, pictures", metavar="DIR")
    ] = None,
    tracks: Annotated[
        Path | None,
        typer.Option(
            help="also score how objects are followed in these sequences, which have tracks", metavar="SEQUENCES"
        ),
    ] = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option(help="botsort, bytetrack or module:Class, both if not given; may be repeated"),
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(min=1, help="number of threads; OMP_NUM_THREADS if not given, else 1 as in a sweep")
    ] = None,
) -> None:
    """Evaluate a checkpoint on a data set."""
    threads.use(cpus)
    if tracker and not tracks:
        raise SteadytuneError("--tracker follows objects through sequences; name them with --tracks SEQUENCES")
    opened = standalone.open_checkpoint(checkpoint, data, recipe, config, options.pairs(set_, "--set"))
    for line in opened.evaluate():
        print(line, flush=True)
    scores = opened.score_tracks(tracks, tracker or ()) if tracks else {}
    for name, score in scores.items():
        print(f"{name}: {' '.join(f'{metric} {value:.4g}' for metric, value in score.items())}", flush=True)
    if report:
        from search.views.model_report import write_report

        examples, model = opened.judge("model")
        judged = replace(model, report=replace(model.report, tracks=scores))
        print(write_report(f"{checkpoint} on {data}", (examples, judged), report))


def check(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.yaml", help="sweep file (YAML)")],
    verbose: Annotated[
        bool, typer.Option("--verbose", help="list each near duplicate, and each file that was repaired or left out")
    ] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="JPEG file for a training batch; NAME-batch.jpg among the sweeps if not given"),
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="also run a script's baseline for an epoch or two, in a scratch folder")
    ] = False,
    probe_minutes: Annotated[float, typer.Option(min=0.1, help="time limit of --probe, in minutes")] = 30.0,
    read: Annotated[
        Path | None,
        typer.Option(help="also show what the metric's source reads in this log", metavar="LOG"),
    ] = None,
    sweeps: Root = DEFAULT_ROOT,
) -> None:
    """Check everything about a sweep that can be checked before training."""
    from rich.text import Text

    from search import check as checks
    from search.sampling.warm_start import load_prior_sweeps
    from search.stages.fit import check_fit
    from search.stages.stages import Stages, read_file
    from search.stages.start import started

    described = read_file(file, {})
    console = terminal.console()
    if isinstance(described, Stages):
        plan = _check_stages(described, sweeps, verbose, console)
        spec = plan.spec
    else:
        spec = started(described, sweeps)
        plan = checks.check(spec, SweepFolder(sweeps, spec.name).store(spec))
        classes = check_fit([plan], SweepFolder(sweeps, spec.starts_from).best) if spec.starts_from else []
        for item in [*checks.describe(plan, verbose), *classes, *map(str, load_prior_sweeps(plan, sweeps))]:
            console.print(item)
    if plan.data_look and plan.data_look.picture:
        target = picture or sweeps / f"{spec.name}-batch.jpg"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_file(target, plan.data_look.picture)
        except OSError as error:
            reason = f"cannot be written ({error.strerror}); give another file with --picture"
            raise SteadytuneError(f"{target}: {reason}") from None
        console.print(Text(f"A training batch as the model sees it: {target}"))
    if read:
        scripts.read_script_log(plan, read)
    if probe:
        scripts.probe_script(plan, probe_minutes)


def _check_stages(stages: Stages, root: Path, verbose: bool, console: Console) -> Plan:
    """Check all stages and show their plans; returns the first's, whose data were looked at."""
    from search import check as checks
    from search.run.ahead import check_ahead

    plans, notes = check_ahead(stages, root)
    for number, plan in enumerate(plans, 1):
        console.print(f"Stage {number} of {len(plans)}")
        for item in checks.describe(plan, verbose):
            console.print(item)
    for note in notes:
        console.print(f"note: {note}", markup=False)
    return plans[0]


def sample(
    recipe: RecipeName,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="folder to write; it is made if needed")],
) -> None:
    """Write a recipe's small sample data set."""
    chosen = registry.find_installed(recipe)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be written ({str(error.strerror).lower()}); give another folder"
        raise SteadytuneError(f"{directory}: {reason}") from None
    print(f"wrote {chosen.sample(directory)}")


def recipes(
    name: Annotated[str | None, typer.Argument(metavar="RECIPE", help="recipe to show in full")] = None,
    json_: Json = False,
) -> None:
    """List the recipes, or show one: settings, ranges, presets, named trainings."""
    from search.views.recipe_page import as_json, listing, page

    if json_:
        print(json.dumps(as_json(name), indent=2))
        return
    console = terminal.console()
    for item in page(name) if name else listing():
        console.print(item)
