"""The report of a real sweep, as a browser shows it; where no Chromium is installed, it is skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import REPOSITORY
from tests.support.browser import is_wider_than_its_window, opened, pictures_drawn
from tests.support.programs import CHROMIUM

pytestmark = pytest.mark.e2e
SWEEP = ["--name", "sweep", "--preset", "tiny", "--trials", "3", "--set", "epochs=2", "--set", "warmup_epochs=1"]
SWEEP += ["--confirm-top", "1", "--confirm-seeds", "2", "--audit", "0"]


def steadytune(*words: str, cwd: Path) -> None:
    command = [sys.executable, "-m", "search", *words]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a sweep of small detectors."""
    CHROMIUM.require()
    folder = tmp_path_factory.mktemp("report")
    steadytune("sample", "resnet_yolo", "samples", cwd=folder)
    steadytune("launch", "--recipe", "resnet_yolo", "--data", "samples/data.yaml", *SWEEP, cwd=folder)
    steadytune("report", "sweep", cwd=folder)
    return folder / "sweeps" / "sweep" / "report.html"


@pytest.fixture
def errors() -> list[str]:
    """What the page complains of, and what it asks of the network."""
    return []


@pytest.fixture(params=[1440, 390])
def page(report: Path, errors: list[str], request: pytest.FixtureRequest) -> Iterator[Any]:
    """The report in a window of a screen and of a telephone, once everything is drawn."""
    with opened(report, request.param, errors) as page:
        page.wait_for_selector("body[data-drawn=yes]")
        yield page


def test_every_figure_is_drawn_every_picture_is_there_and_nothing_fails(page: Any, errors: list[str]) -> None:
    charts = page.eval_on_selector_all(
        "div.chart", "charts => charts.map(c => [c.id, c.querySelectorAll('.trace').length])"
    )
    assert {"chart-seeds", "chart-learning_curves", "chart-best_so_far", "chart-parallel"} <= {
        name for name, _ in charts
    }
    assert [name for name, traces in charts if not traces] == []
    pictures = pictures_drawn(page)
    assert len(pictures) > 4
    assert all(pictures)
    assert errors == []
    assert not is_wider_than_its_window(page)


def test_the_first_screen_says_what_to_deploy_and_how_sure_that_is(page: Any) -> None:
    result = page.locator(".result")
    assert result.bounding_box()["y"] < 300
    text = result.inner_text()
    assert text.startswith(("Deploy trial ", "Keep the baseline", "No training has learnt anything"))
    assert "map50_95" in text


def test_winner_and_baseline_stand_side_by_side_in_the_gallery(page: Any) -> None:
    shown = page.locator(".gallery").first.locator("figure")
    captions = [figure.inner_text() for figure in shown.all()]
    assert captions[0] == "what is there"
    assert captions[1].startswith("winner (trial ")
    if len(captions) > 2:
        assert captions[2].startswith("baseline (fixed)")
        tops = [figure.bounding_box()["y"] for figure in shown.all()]
        assert page.viewport_size["width"] < 1000 or max(tops) - min(tops) < 5


def test_a_trial_chosen_in_the_table_is_marked_in_the_figures(page: Any) -> None:
    page.locator("tr[data-trial]").first.click()
    page.wait_for_function(
        "document.getElementById('chart-learning_curves').data.length > "
        "Number(document.getElementById('chart-learning_curves').dataset.traces)"
    )
    assert page.locator("tr.selected").count() == 1
    page.locator("table.sortable th").first.click()
    numbers = [int(cell.split()[0]) for cell in page.locator("tr[data-trial] td:first-child").all_inner_texts()]
    assert numbers == sorted(numbers) == [0, 1, 2]


def test_the_file_can_be_sent_by_mail(report: Path) -> None:
    assert report.stat().st_size < 3e6
