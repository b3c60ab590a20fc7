"""What a console shows of a sweep before it trains."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from search.run.shown import run_shown
from search.sweep.folder import SweepFolder
from tests.support.fakes import spec_of
from trainables.errors import SteadytuneError

NO_RANGE = "note: set.noise gives a range, but beside the other values of set no trial draws it"


@pytest.mark.parametrize(("depth", "notes"), [(1, 1), ([1, 2], 0)])
def test_a_resume_tells_of_a_range_that_no_trial_draws(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: Any, notes: int
) -> None:
    def resume(plan: Any, root: Path, listen: Any, notify: Any, announce: Callable[[], None], **accepted: bool) -> None:
        announce()
        raise SteadytuneError("it was announced")

    monkeypatch.setattr("search.run.sweep_run.resume", resume)
    spec = spec_of(data, trials=4, set={"depth": depth, "noise": {"high": 0.05}})
    SweepFolder.create(tmp_path, spec)
    output = StringIO()
    with pytest.raises(SteadytuneError, match="it was announced"):
        run_shown("sweep", tmp_path, None, Console(file=output, width=200))
    assert output.getvalue().count(NO_RANGE) == notes
