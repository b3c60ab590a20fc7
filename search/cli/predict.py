"""The verb `predict`."""

# Imports inside functions: torch and OpenCV take seconds, and only this verb needs them.

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainables import threads
from trainables.errors import SettingsError


def predict(
    model: Annotated[
        str, typer.Argument(help="checkpoint such as epoch-0007, an export, or models:/NAME@champion", metavar="MODEL")
    ],
    source: Annotated[
        Path, typer.Argument(help="picture, video, file of clips, or a folder of them", metavar="SOURCE")
    ],
    to: Annotated[Path, typer.Option(help="folder to write")] = Path("predictions"),
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="score below which a box is left out")] = 0.25,
    batch: Annotated[int, typer.Option(min=1, help="pictures or clips that are read at a time")] = 8,
    smooth: Annotated[
        int, typer.Option(min=1, help="consecutive clips over which the scores of classes are averaged; odd")
    ] = 1,
    window: Annotated[int, typer.Option(min=2, help="frames of a clip that is cut out of a recording")] = 64,
    thermal: Annotated[Path | None, typer.Option(help="rgbt: thermal picture, or folder of them")] = None,
    references: Annotated[Path | None, typer.Option(help="refdet: picture of what is sought, or folder")] = None,
    tracks: Annotated[
        bool, typer.Option("--tracks", help="follow objects through each video, and number them")
    ] = False,
    draw: Annotated[bool, typer.Option("--draw/--no-draw", help="draw pictures and videos")] = True,
    cpus: Annotated[
        int | None, typer.Option(min=1, help="number of threads; OMP_NUM_THREADS if not given, else 1")
    ] = None,
    store: Annotated[
        str, typer.Option(help="MLflow tracking URI of a registered model")
    ] = "sqlite:///sweeps/mlflow.db",
) -> None:
    """Predict with a trained model on pictures, videos or clips, and draw what it finds."""
    if smooth % 2 == 0:
        raise SettingsError(f"--smooth is {smooth}; it must be odd, so that a clip is in the middle")
    threads.use(cpus)
    from search.predict.model import load
    from search.predict.run import PredictionRequest
    from search.predict.run import predict as run_prediction
    from search.predict.sources import Extra, sources

    loaded = load(model, store)
    items = sources(source, loaded.recipe, Extra(thermal, references, window))
    for line in run_prediction(loaded, items, PredictionRequest(to, threshold, batch, smooth, draw, tracks)):
        print(line, flush=True)
