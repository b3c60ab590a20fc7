"""MLflow's pages on a real sweep, as a browser shows them; where no Chromium is installed, they are skipped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from search.sweep.data_identity import read_identity
from search.sweep.folder import SweepFolder
from search.tracking.data_names import experiment_names
from search.tracking.trial_record import OBJECTIVE
from tests.support import REPOSITORY, SUPPORT
from tests.support.programs import CHROMIUM
from tests.support.waiting import DEADLINE_SECONDS

pytestmark = pytest.mark.e2e
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (SUPPORT, REPOSITORY)))}
SWEEP = ["launch", "--recipe", "trouble:Trouble", "--preset", "tiny", "--data", ".", "--name", "sweep", "--trials", "3"]


def steadytune(*words: str, cwd: Path) -> list[str]:
    """The lines that a command prints."""
    command = [sys.executable, "-m", "search", *words]
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one small sweep has ended."""
    folder = tmp_path_factory.mktemp("browser")
    steadytune(*SWEEP, "--confirm-top", "0", cwd=folder)
    add_run_of_another_sweep(SweepFolder(folder / "sweeps", "sweep"))
    return folder


def add_run_of_another_sweep(folder: SweepFolder) -> None:
    """Write a trial as a second sweep of the same data would, into the experiment that both share."""
    from mlflow import MlflowClient

    client = MlflowClient(folder.store(folder.spec()))
    tags = {"steadytune.sweep": "other@1.000000"}
    name = experiment_names(folder.spec(), read_identity(folder.path))[0]
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    run = client.create_run(experiment.experiment_id, tags=tags, run_name="0009 other").info.run_id
    client.log_metric(run, OBJECTIVE, 0.5)
    client.set_terminated(run)


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """What `steadytune browse` prints, while it serves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "search", "browse", "sweep", "--port", port]
    process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    yield next(line.split()[1] for line in lines if line.startswith("MLflow: "))
    process.send_signal(signal.SIGTERM)
    process.wait(DEADLINE_SECONDS)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) != 0, "the pages' own process outlived the command"


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    """A page of a browser, on MLflow's table of the sweep's runs."""
    from playwright import sync_api as driver

    chromium = CHROMIUM.require()
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(1000 * DEADLINE_SECONDS)
        page.goto(address)
        yield page
        browser.close()


def test_the_pages_answer(address: str) -> None:
    base = address.partition("/#")[0]
    asked = urllib.request.Request(
        f"{base}/api/2.0/mlflow/experiments/search",
        data=json.dumps({"max_results": 10}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=DEADLINE_SECONDS) as answer:
        names = [experiment["name"] for experiment in json.loads(answer.read())["experiments"]]
    assert any(name.startswith("trouble:Trouble on ") for name in names)


def test_the_sweeps_runs_are_listed_alone_sorted_by_the_objective_and_show_why_trials_ended(page: Any) -> None:
    page.get_by_text("0000 plain").first.wait_for()
    assert page.get_by_text("objective/value").count() > 0
    names = [row.inner_text() for row in page.get_by_role("link").all() if row.inner_text()[:4].isdigit()]
    assert sorted(name[:4] for name in names) == ["0000", "0001", "0002"]
    assert page.url.find("orderByKey=metrics.%60objective%2Fvalue%60") > 0


def test_the_address_asks_for_the_pages_about_trainings(address: str) -> None:
    assert address.endswith("&workflowType=machine_learning")


def test_a_trial_shows_its_settings_its_numbers_and_its_files(page: Any) -> None:
    page.get_by_text("0000 plain").first.click()
    page.get_by_text("steadytune.reason").first.wait_for()
    assert page.get_by_text("pause").count() > 0
    page.get_by_role("tab", name="Artifacts").first.click()
    page.get_by_text("stability.png").first.wait_for()
    for name in ("settings.yaml", "phases.md", "environment.json"):
        assert page.get_by_text(name).count() > 0


def test_the_sweep_shows_its_winner_its_figures_and_the_registered_version(page: Any) -> None:
    page.get_by_text("sweep", exact=True).first.click()
    page.get_by_text("Winner: trial").first.wait_for()
    page.get_by_text("trouble_Trouble-").first.wait_for()
    page.get_by_role("tab", name="Artifacts").first.click()
    page.get_by_text("report.html").first.wait_for()
    assert page.get_by_text("figures").count() > 0
