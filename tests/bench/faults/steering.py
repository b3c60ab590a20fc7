"""A user's session with a sweep (`tests.support.session`), whose process is killed at seeded moments.

python -m tests.bench.faults.steering --kills 20 --seed 0
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.support.session import Session


def main() -> None:
    """Run sessions and print what was counted in each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder).resolve(), given.kills, given.seed)
        try:
            session.run()
        finally:
            print(f"killed during: {', '.join(session.killed)}", flush=True)
        counted = session.check()
        session.delete()
    print(f"every number right: {counted}")


if __name__ == "__main__":
    main()
