"""MLflow's experiment and model are named after the data set, and two data sets of one name do not meet.

Data sets as people keep them: in folders of one name on two disks, as several exports of one project
(https://github.com/roboflow/roboflow-python/issues/100 trains on version 11), as YAML files of one folder
(Ultralytics' own `cfg/datasets/`), or added to before the next training
(https://github.com/AlexeyAB/darknet/issues/1425).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from search.sweep.data_identity import DataIdentity, data_name
from search.sweep.folder import SweepFolder
from search.sweep.spec import SweepSpec
from search.tracking.data_names import DATA_TAG, experiment_names, model_name, model_names
from search.tracking.table_view import address
from tests.support.fakes import plan_of
from trainables.manifest import Manifest

ONE, OTHER = (Manifest({}, {"train a.png": digest}) for digest in "12")


def spec(data: str, recipe: str = "yolox") -> SweepSpec:
    return SweepSpec(name="night", recipe=recipe, data=data)


@pytest.mark.parametrize(
    ("recipe", "data", "is_file", "experiment", "model"),
    [
        ("resnet_yolo", "/home/me/datasets/cattle/data.yaml", True, "resnet_yolo on cattle", "resnet_yolo-cattle"),
        ("yolox", "/home/me/datasets/cattle", False, "yolox on cattle", "yolox-cattle"),
        ("yolox", "/home/me/datasets/pigs", False, "yolox on pigs", "yolox-pigs"),
        ("slowfast", "s3://lab/clips/barn", False, "slowfast on barn", "slowfast-barn"),
        (
            "resnet_yolo",
            "/ultralytics/cfg/datasets/coco128.yaml",
            True,
            "resnet_yolo on coco128",
            "resnet_yolo-coco128",
        ),
    ],
)
def test_both_have_the_name_of_the_data_set(recipe: str, data: str, is_file: bool, experiment: str, model: str) -> None:
    identity = DataIdentity(data_name(data, is_file), ONE)
    assert experiment_names(spec(data, recipe), identity)[0] == experiment
    assert model_names(recipe, data, identity.name, ONE.fingerprint)[0] == model


def test_the_second_name_has_a_part_of_the_fingerprint() -> None:
    digits = ONE.fingerprint[3:11]
    assert experiment_names(spec("/a/cattle"), DataIdentity("cattle", ONE))[1] == f"yolox on cattle ({digits})"
    assert model_names("yolox", "/a/cattle", "cattle", ONE.fingerprint)[1] == f"yolox-cattle-{digits}"


def test_a_sweep_of_version_0_1_0_keeps_the_names_that_it_had() -> None:
    data = "/home/me/datasets/cattle"
    assert experiment_names(spec(data), None) == ("yolox on datasets",)
    assert experiment_names(spec(data), DataIdentity("", ONE)) == ("yolox on datasets",)
    assert model_names("yolox", data, "", "abc") == ("yolox-datasets",)


def test_a_sweep_that_went_on_with_changed_data_stays_in_its_experiment() -> None:
    began = experiment_names(spec("/a/cattle"), DataIdentity("cattle", ONE))
    assert experiment_names(spec("/a/cattle"), DataIdentity("cattle", OTHER, (ONE.fingerprint,))) == began


@pytest.mark.parametrize(
    ("recipe", "data", "name"),
    [
        ("yolox", "nuscenes", "yolox-nuscenes"),
        ("my.module:Recipe", "Küche/vorn 2", "my.module_Recipe-Küche_vorn_2"),
        ("yolox", "数据", "yolox-数据"),
        ("yolox", "50% @night?#a", "yolox-50_night_a"),
        ("yolox", "x" * 255, "yolox-" + "x" * 194),
    ],
)
def test_names_with_odd_characters_become_names_that_a_registry_takes(recipe: str, data: str, name: str) -> None:
    assert model_name(recipe, data) == name


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("GIT_PYTHON_REFRESH", "quiet")
        yield tmp_path_factory.mktemp("store")


@pytest.mark.e2e
def test_data_sets_of_one_name_have_experiments_of_their_own(store: Path) -> None:
    from search.tracking.experiment import Experiment

    def numbered(sweep: str, identity: DataIdentity) -> tuple[Any, str]:
        """The experiment that the sweep's runs go to: its tag, and the address that is shown for it."""
        plan = plan_of(store, name=sweep)
        folder = SweepFolder.create(store, plan.spec)
        identity.write(folder.path)
        client = Experiment.of_sweep(folder, plan).client
        opened_at = address("http://here", folder.store(plan.spec), experiment_names(plan.spec, identity), "")
        number = opened_at.partition("/experiments/")[2].partition("/")[0]
        return client.get_experiment(number), number

    first, other = DataIdentity("cattle", ONE), DataIdentity("cattle", OTHER)
    experiment, number = numbered("first", first)
    assert experiment.name.endswith(" on cattle")
    assert experiment.tags[DATA_TAG] == ONE.fingerprint
    assert numbered("moved", first)[1] == number
    changed, another = numbered("other", other)
    assert another != number
    assert changed.tags[DATA_TAG] == OTHER.fingerprint
    assert numbered("again", other)[1] == another
    assert numbered("still", first)[1] == number
