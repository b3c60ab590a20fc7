"""A user's session with a sweep (`tests.support.session`), in which processes are killed at seeded moments.

python -m tests.bench.faults.steering --kills 5 --seed 0

The sweep's process is killed as often as `--kills` says, and the verbs `export` and `rm` once each. Prints a row of
`steering.md`; a session with many kills is as well run as several with few, each with a seed of its own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.session import Session


def main() -> None:
    """Run a session and print what was counted in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder).resolve(), given.kills, given.seed, kill_verbs=True)
        try:
            session.run()
            counted = session.check()
            session.delete()
        finally:
            killed = ", ".join(f"{step} {times}" for step, times in Counter(session.killed).items())
            print(f"killed during: {killed}", flush=True)
        assert not session.sweep.path.exists()
    minutes = (time.monotonic() - start) / 60
    cells = [given.seed, killed, counted["trials"], counted["epochs"], counted["rows"], f"{minutes:.1f}"]
    print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
