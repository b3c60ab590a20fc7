"""The winner's fresh seeds together: what is told of them, and that nothing worse than the best of them is advised."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from search.state.sweep_state import SweepState
from search.sweep.folder import SweepFolder
from search.views.html_report import sweep_page
from search.views.seeds_together import read_seeds, seeds_sentences, seeds_table
from search.views.summary import summary
from tests.support.terminal import lines_of
from trainables.seeds_together import SeedsTogether

GOOD = SeedsTogether("map50", "max", (0.66, 0.60), average=0.68, ensemble=0.70, examples=60, seconds=12.0)
BAD = replace(GOOD, average=0.02, ensemble=0.65)
EXPORT = "steadytune export cattle"


def test_what_beats_the_best_seed_is_offered_with_its_command() -> None:
    assert list(seeds_sentences(GOOD, EXPORT)) == [
        "The average of the seeds' weights reaches 0.6800, the best single seed's map50 0.6600: "
        "steadytune export cattle --average",
        "The ensemble of the seeds reaches 0.7000, the best single seed's map50 0.6600: "
        "steadytune export cattle --ensemble",
    ]


def test_what_does_not_is_never_offered() -> None:
    for together in (BAD, replace(BAD, average=None), replace(GOOD, average=0.66, ensemble=0.66)):
        text = " ".join(seeds_sentences(together, EXPORT))
        assert text.startswith("Neither average nor ensemble of the seeds beats the best single seed's map50 0.6600")
        assert "--" not in text
    sentences = list(seeds_sentences(BAD, EXPORT))
    assert sentences[1].startswith(
        "The average of the seeds' weights reaches 0.0200: leave it. Trainings that began with"
    )
    between = list(seeds_sentences(replace(BAD, average=0.65), EXPORT))
    assert between[1] == "The average of the seeds' weights reaches 0.6500: leave it"


def test_of_a_metric_to_minimise_lower_is_better() -> None:
    errors = SeedsTogether("error", "min", (0.2, 0.3), average=0.1, ensemble=0.25, examples=60, seconds=1.0)
    (sentence,) = seeds_sentences(errors, EXPORT)
    assert "average of the seeds' weights reaches 0.1000" in sentence


def test_the_table_has_the_seeds_beside_what_is_made_of_them() -> None:
    table = seeds_table(GOOD)
    assert table.rows == (
        ("best single seed", "0.6600"),
        ("mean of 2 seeds", "0.6300"),
        ("average of their weights", "0.6800"),
        ("ensemble of them", "0.7000"),
    )
    assert "on 60 held-out examples" in table.note
    assert "2 times as long" in table.note


def test_summary_and_report_tell_it(ended: SweepState, tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path, "sweep")
    assert read_seeds(folder) is None
    (folder.path / "models").mkdir(parents=True)
    (folder.path / "models" / "seeds.json").write_text(json.dumps(asdict(GOOD)))
    assert read_seeds(folder) == GOOD
    lines = lines_of(summary(ended, folder), width=400)
    assert any(line.endswith(f"{folder.command('export')} --average") for line in lines)
    page = sweep_page(ended, "sweep", together=GOOD)
    assert "The winner&#x27;s seeds together" in page or "The winner's seeds together" in page
    assert "steadytune export sweep --ensemble" in page
