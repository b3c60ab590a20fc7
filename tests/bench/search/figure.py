"""All learning curves of a sweep, coloured by what became of them: `python figure.py SWEEPS NAME OUT.png`."""

from __future__ import annotations

import sys
from pathlib import Path

from search.cli.options import state
from search.sweep.folder import SweepFolder
from search.views.charts.png import png
from search.views.figures import learning_curves


def main() -> None:
    root, name, target = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    target.write_bytes(png(learning_curves(state(SweepFolder.existing(root, name)))))


if __name__ == "__main__":
    main()
