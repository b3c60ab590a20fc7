"""The time for a picture and the metric of each recipe's model: by torch, by its ONNX file, and by that in int8.

    python -m tests.bench.cost.onnx_speed [--only RECIPE …] [--rounds 20]

Each recipe trains its tiny preset (with the epochs of `EPOCHS`) on its sample. Then the three answer to the same input
in turn, in one thread; the median CPU time of each is shown, less that of a predictor whose network answers at once,
so without scaling pictures and choosing among boxes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

from search.export.int8 import MODEL, write_int8
from trainables import registry
from trainables.held_out import held_out

EPOCHS = {"resnet_yolo": 8, "rgbt": 8, "yolox": 8, "refdet": 4, "slowfast": 20}
"""Enough for a metric above 0, which int8 can lose."""


def measure(name: str, rounds: int, folder: Path) -> str:
    """A row of the table."""
    recipe: Any = registry.find(name)
    data = recipe.sample(folder / "sample")
    settings = recipe.settings("tiny", {"epochs": EPOCHS[name]})
    opened = recipe.open(data)
    (folder / "checkpoint").mkdir()
    (folder / "work").mkdir()
    for epoch in recipe.train(settings, opened, folder / "work"):
        if epoch.epoch == EPOCHS[name]:
            epoch.save(folder / "checkpoint")
    recipe.onnx(settings, folder / "checkpoint", folder)
    numbers = write_int8(recipe, settings, data, folder)
    given = held_out(recipe, settings, opened)[0].given()
    timed = {
        "torch": _torch(recipe, settings, folder, given),
        "ONNX": _file(recipe, settings, folder, "model.onnx", given),
        "int8": _file(recipe, settings, folder, MODEL, given),
        "none": _answered(recipe, settings, folder, given),
    }
    medians = _medians(timed, rounds)
    milliseconds = " | ".join(f"{1000 * (medians[kind] - medians['none']):.1f}" for kind in ("torch", "ONNX", "int8"))
    sizes = f"{numbers.float32_bytes / 1e6:.1f} | {numbers.int8_bytes / 1e6:.1f}"
    metrics = f"{numbers.float32:.4f} | {numbers.int8:.4f} | {numbers.int8 - numbers.float32:+.4f}"
    return f"| `{name}` | {milliseconds} | {sizes} | {numbers.metric} | {metrics} | {numbers.examples} |"


def _torch(recipe: Any, settings: Any, folder: Path, given: Any) -> Callable[[], object]:
    predictor = recipe.predictor(settings, folder / "checkpoint")
    return lambda: predictor([given])


def _file(recipe: Any, settings: Any, folder: Path, file: str, given: Any) -> Callable[[], object]:
    from trainables.vision.onnx_int8 import runs

    predictor = recipe.onnx_predictor(settings, folder / "checkpoint", runs(folder / file))
    return lambda: predictor([given])


def _answered(recipe: Any, settings: Any, folder: Path, given: Any) -> Callable[[], object]:
    """What a predictor does besides its network."""
    from trainables.vision.onnx_int8 import runs

    run, answers = runs(folder / "model.onnx"), list[Any]()

    def first_answers(inputs: Any) -> Any:
        answers[:] = answers or run(inputs)
        return answers

    predictor = recipe.onnx_predictor(settings, folder / "checkpoint", first_answers)
    return lambda: predictor([given])


def _medians(timed: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Of the CPU time of each, in turn, so that a busy machine slows all alike."""
    seconds: dict[str, list[float]] = {kind: [] for kind in timed}
    for number in range(rounds + 2):
        for kind, call in timed.items():
            start = time.process_time()
            call()
            if number >= 2:  # the first calls set things up
                seconds[kind].append(time.process_time() - start)
    return {kind: statistics.median(values) for kind, values in seconds.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(EPOCHS), choices=list(EPOCHS))
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    print("| recipe | torch, ms | ONNX, ms | int8, ms | ONNX, MB | int8, MB | metric | ONNX | int8 | int8 less | on |")
    print("| --- |" + " ---: |" * 5 + " --- |" + " ---: |" * 4, flush=True)
    for name in arguments.only:
        with TemporaryDirectory() as folder:
            print(measure(name, arguments.rounds, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
