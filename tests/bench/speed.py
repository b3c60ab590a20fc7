"""How fast scheduler and journal are: `python tests/bench/speed.py`.

Sweeps of made-up curves of 100 epochs in virtual time, through the conductor and a real journal, on 16 workers: results
a second, and what a decision costs as a sweep grows.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from search.journal import Journal
from search.pruning.curve import Curve, Point
from search.replay.race import race
from search.replay.recording import Recording, Run

EPOCHS = 100
WORKERS = 16


def made_up(runs: int) -> Recording:
    """Curves that rise to different heights at different speeds, with noise."""
    draw = random.Random(0)
    found = []
    for number in range(runs):
        height, speed = draw.random(), draw.uniform(1, 20)
        points = [
            Point(epoch, height * epoch / (epoch + speed) + draw.gauss(0, 0.01), 1 / epoch, 1.1 / epoch)
            for epoch in range(1, EPOCHS + 1)
        ]
        found.append(Run(str(number), Curve("max", points), (1.0,) * EPOCHS, {}))
    return Recording("made up", "score", "max", EPOCHS, tuple(found))


def measure(runs: int, scheduler: str) -> tuple[int, float]:
    """Results and seconds of one sweep."""
    recording = made_up(runs)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        state, _ = race(recording, {"scheduler": scheduler}, WORKERS, list(range(runs)), Journal(Path(folder)))
        return state.epochs, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    print("| scheduler | trials | results | seconds | results a second | microseconds a result, by the smallest |")
    print("| --- | --- | --- | --- | --- | --- |")
    given = parser.parse_args()
    measure(10, "asha")  # the imports
    for scheduler in ("asha", "stopping", "none"):
        base = 0.0
        for runs in given.sizes:
            results, seconds = measure(runs, scheduler)
            cost = seconds / results
            base = base or cost
            rate = f"{results / seconds:,.0f}"
            print(f"| {scheduler} | {runs} | {results} | {seconds:.1f} | {rate} | {cost / base:.2f} x |", flush=True)


if __name__ == "__main__":
    main()
