"""The registered model of a sweep's winner, and which version is the champion."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from search.tracking.champion import ALIAS, register
from search.tracking.data_names import DATA_TAG, model_name
from tests.support.mlflow_store import private_store

pytestmark = pytest.mark.e2e  # writes MLflow's store


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A store of its own."""
    from mlflow.tracking import MlflowClient

    with private_store(tmp_path_factory.mktemp("store")) as uri:
        yield MlflowClient(uri)


@pytest.fixture(scope="module")
def experiment(client: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(client.create_experiment("champions", artifact_location=tmp_path_factory.mktemp("artifacts").as_uri()))


class Sweeps:
    """Registers winners of sweeps on one data set."""

    def __init__(self, client: Any, experiment: str, folder: Path, data: str) -> None:
        self.client, self.experiment, self.folder, self.data = client, experiment, folder, data
        self.old = False

    def win(self, sweep: str, value: float, fingerprint: str = "same", mode: str = "max", metric: str = "score") -> str:
        """One winner, in a run of its sweep; returns what is said of it."""
        self._export(sweep, fingerprint, trial=3, epoch=7, metric=metric)
        self.run = self.client.create_run(self.experiment).info.run_id
        return self.again(sweep, value, mode)

    def extended(self, sweep: str, value: float, trial: int = 3, epoch: int = 7) -> str:
        """The winner of the last sweep, given more to do; returns what is said of it."""
        self._export(sweep, "same", trial, epoch)
        return self.again(sweep, value)

    def _export(self, sweep: str, fingerprint: str, trial: int, epoch: int, metric: str = "score") -> None:
        best = self.folder / sweep
        (best / "checkpoint").mkdir(parents=True, exist_ok=True)
        about = {
            "recipe": "tests.support.fakes:Curves",
            "metric": metric,
            "data": f"/data/{self.data}/data.yaml",
            "trial": trial,
            "checkpoint_epoch": epoch,
        }
        about["environment"] = {"data_fingerprint": fingerprint}
        (best / "about.json").write_text(json.dumps(about))
        (best / "checkpoint" / "state.pt").write_text(f"trial {trial} after epoch {epoch}")

    def again(self, sweep: str, value: float, mode: str = "max") -> str:
        """The last winner, recorded once more."""
        return register(
            self.client, self.run, sweep, self.folder / sweep, {"mean": value}, mode, "" if self.old else self.data
        )

    @property
    def files(self) -> Path:
        """Where the store keeps the last winner's model."""
        return Path(urlsplit(self.client.get_run(self.run).info.artifact_uri).path) / "model"

    @property
    def models(self) -> list[Path]:
        """Where the store keeps the models of the last winner's sweep, oldest first."""
        return sorted(self.files.parent.glob("model*"))

    def champion(self, suffix: str = "") -> str:
        """The sweep whose winner is champion."""
        name = model_name("tests.support.fakes:Curves", self.data) + suffix
        version = self.client.get_model_version_by_alias(name, ALIAS)
        return str(version.tags["steadytune.sweep"])


@pytest.fixture
def sweeps(client: Any, experiment: str, tmp_path: Path, request: pytest.FixtureRequest) -> Sweeps:
    return Sweeps(client, experiment, tmp_path, request.node.name)


def test_the_first_winner_is_champion_and_only_a_better_one_takes_its_place(sweeps: Sweeps) -> None:
    assert sweeps.win("first", 0.5).endswith("version 1 is the champion")
    assert sweeps.win("worse", 0.4).endswith("version 2; the champion, 1, is not beaten and stays")
    assert sweeps.win("equal", 0.5).endswith("version 3; the champion, 1, is not beaten and stays")
    assert sweeps.champion() == "first"
    assert sweeps.win("better", 0.6).endswith("version 4 is the champion")
    assert sweeps.champion() == "better"


def test_a_winner_by_another_metric_leaves_the_champion(sweeps: Sweeps) -> None:
    sweeps.win("first", 0.5)
    stays = "the champion, 1, was chosen by score and stays"
    assert sweeps.win("easier", 0.9, metric="map50").endswith(f"version 2; {stays}")
    assert sweeps.win("loss", 0.1, mode="min", metric="error").endswith(f"version 3; {stays}")
    assert sweeps.champion() == "first"
    assert sweeps.win("better", 0.6).endswith("version 4 is the champion")


def test_the_models_page_shows_its_score_and_where_it_is_from(sweeps: Sweeps) -> None:
    sweeps.win("mine@1700000000.000000", 0.512345)
    name = model_name("tests.support.fakes:Curves", sweeps.data)
    version = sweeps.client.get_model_version_by_alias(name, ALIAS)
    assert version.description == "score 0.5123. Trial 3 of the sweep mine."


@pytest.mark.parametrize(
    "lost", [".", "MLmodel", "data", "data/first/checkpoint/state.pt"], ids=["all", "MLmodel", "data", "state"]
)
def test_a_champion_whose_files_are_gone_is_none(sweeps: Sweeps, lost: str) -> None:
    sweeps.win("first", 0.5)
    gone = sweeps.files / lost
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert sweeps.win("worse", 0.4).endswith("version 2 is the champion; the one before, 1, has lost its files")
    assert sweeps.champion() == "worse"


def test_a_winner_whose_files_are_gone_gets_them_again(sweeps: Sweeps) -> None:
    sentence = sweeps.win("first", 0.5)
    shutil.rmtree(sweeps.files)
    assert sweeps.again("first", 0.5) == sentence
    assert (sweeps.files / "data" / "first" / "checkpoint" / "state.pt").is_file()


def test_a_champion_that_somebody_else_registered_is_left_to_them(sweeps: Sweeps) -> None:
    name = model_name("tests.support.fakes:Curves", sweeps.data)
    sweeps.client.create_registered_model(name)
    sweeps.client.create_model_version(name, sweeps.folder.as_uri(), tags={"steadytune.sweep": "theirs"})
    sweeps.client.set_registered_model_alias(name, ALIAS, "1")
    assert sweeps.win("first", 0.5).startswith(f"{name}-same version 1 is the champion")
    assert sweeps.champion() == "theirs"


def test_other_data_of_the_same_name_have_a_model_and_a_champion_of_their_own(sweeps: Sweeps) -> None:
    sweeps.win("first", 0.5, fingerprint="v2-1111111122222222")
    sentence = sweeps.win("other", 0.9, fingerprint="v2-3333333344444444")
    assert sentence.endswith("-33333333 version 1 is the champion")
    assert sweeps.win("again", 0.8, fingerprint="v2-3333333344444444").endswith("champion, 1, is not beaten and stays")
    assert (sweeps.champion(), sweeps.champion("-33333333")) == ("first", "other")
    model = sweeps.client.get_registered_model(model_name("tests.support.fakes:Curves", sweeps.data))
    assert model.tags[DATA_TAG] == "v2-1111111122222222"


def test_a_winner_of_version_0_1_0_stays_in_its_model_where_other_data_do_not_beat_it(sweeps: Sweeps) -> None:
    """It named the model after the folder above the data."""
    sweeps.old = True
    sweeps.win("first", 0.5, fingerprint="abc")
    assert sweeps.win("other", 0.9, fingerprint="other").endswith("the champion, 1, is of other data and stays")
    assert sweeps.champion() == "first"


def test_of_an_error_the_lower_one_is_better(sweeps: Sweeps) -> None:
    sweeps.win("first", 0.5, mode="min")
    sweeps.win("second", 0.4, mode="min")
    assert sweeps.champion() == "second"


@pytest.mark.parametrize("winner", [{"trial": 9}, {"epoch": 20}], ids=["another trial", "a later checkpoint"])
def test_a_sweep_that_was_given_more_to_do_has_its_new_winner_as_a_version_too(
    sweeps: Sweeps, winner: dict[str, int]
) -> None:
    sweeps.win("first", 0.5)
    sentence = sweeps.extended("first", 0.6, **winner)
    assert sentence.endswith("version 2 is the champion")
    assert sweeps.extended("first", 0.6, **winner) == sentence, "recorded once more"
    contents = [(folder / "data" / "first" / "checkpoint" / "state.pt").read_text() for folder in sweeps.models]
    assert contents == ["trial 3 after epoch 7", f"trial {winner.get('trial', 3)} after epoch {winner.get('epoch', 7)}"]


def test_of_two_winners_of_a_sweep_the_later_is_champion(sweeps: Sweeps) -> None:
    sweeps.win("first", 0.5)
    assert sweeps.extended("first", 0.49, trial=9).endswith("version 2 is the champion")


def test_a_winner_that_stays_after_more_trials_stays_the_same_version(sweeps: Sweeps) -> None:
    sweeps.win("first", 0.5)
    assert sweeps.extended("first", 0.5).endswith("version 1 is the champion")


def test_a_sweep_is_registered_once_however_often_it_is_recorded(sweeps: Sweeps) -> None:
    assert sweeps.win("first", 0.5) == sweeps.win("first", 0.5)
    assert (
        len(sweeps.client.search_model_versions(f"name = '{model_name('tests.support.fakes:Curves', sweeps.data)}'"))
        == 1
    )
