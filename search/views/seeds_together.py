"""The winner's fresh seeds alone, averaged and as an ensemble: read, told in sentences, and as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from search.sweep.folder import SweepFolder
from search.views.charts.chart import Table
from trainables.metric_text import metric_text
from trainables.seeds_together import SeedsTogether

FILE = "seeds.json"
NO_MODEL = "Trainings that began with different random weights have no useful average"


def read_seeds(folder: SweepFolder) -> SeedsTogether | None:
    """What was scored at the end of a sweep with `combine_seeds`; None if nothing was."""
    file: Path = folder.path / "models" / FILE
    if not file.is_file():
        return None
    stored = json.loads(file.read_text(encoding="utf-8"))
    return SeedsTogether(**stored | {"seeds": tuple(stored["seeds"])})


def seeds_table(together: SeedsTogether) -> Table:
    """The values."""
    rows = [
        ("best single seed", metric_text(together.seeds[0])),
        (f"mean of {len(together.seeds)} seeds", metric_text(together.mean)),
        ("average of their weights", metric_text(together.average)),
        ("ensemble of them", metric_text(together.ensemble)),
    ]
    note = (
        f"Of the best checkpoint of each seed, on {together.examples:,} held-out examples. An ensemble predicts"
        f" {len(together.seeds)} times as long as one model, an average as long as one."
    )
    return Table("The winner's seeds together", ("", together.metric), tuple(rows), note)


def seeds_sentences(together: SeedsTogether, export: str) -> Iterator[str]:
    """What to do with the seeds; never anything that is worse than the best of them.

    Args:
        together: the values.
        export: the command line that exports the sweep.
    """
    best = f"the best single seed's {together.metric} {metric_text(together.seeds[0])}"
    better = [
        (name, value, option)
        for name, value, option in (
            ("average of the seeds' weights", together.average, "--average"),
            ("ensemble of the seeds", together.ensemble, "--ensemble"),
        )
        if value is not None and together.beats(value)
    ]
    for name, value, option in better:
        yield f"The {name} reaches {metric_text(value)}, {best}: {export} {option}"
    if not better:
        yield f"Neither average nor ensemble of the seeds beats {best}: take that"
    if together.average is not None and not together.beats(together.average):
        reason = f". {NO_MODEL}" if together.is_worst(together.average) else ""
        yield f"The average of the seeds' weights reaches {metric_text(together.average)}: leave it{reason}"
