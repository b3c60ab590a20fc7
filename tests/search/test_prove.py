from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from fakes import plan_of
from workers import swept

from search.export import export, result
from search.exported import read_about
from search.folder import SweepFolder
from search.prove import prove
from trainables import registry
from trainables.errors import SteadytuneError
from trainables.settings import read_yaml


@pytest.fixture
def exported(tmp_path: Path, data: Path) -> Path:
    """The winner of a whole sweep, exported."""
    made = plan_of(data, trials=3, confirm_top=1, confirm_seeds=1, seed=1)
    folder = SweepFolder.create(tmp_path / "sweeps", made.spec)
    state = swept(made, folder.journal).state
    export(state, folder, result(state).trial, folder.best)
    return folder.best


def test_an_export_says_what_it_is_and_how_to_train_it_again(exported: Path) -> None:
    known = read_about(exported)
    assert (known["recipe"], known["metric"], known["sweep"]) == ("fakes:Curves", "score", "sweep")
    assert [row["epoch"] for row in known["curve"]] == list(range(1, len(known["curve"]) + 1))
    assert known["settings"] == read_yaml(exported / "settings.yaml")
    assert "steadytune train fakes:Curves --config settings.yaml --data " in (exported / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_a_value_changed_by_hand_is_named_for_each_of_our_recipes(name: str, tmp_path: Path) -> None:
    """Whole numbers by one more, the rest by what fits: in settings.yaml alone the setting is named."""
    recipe = registry.find(name)
    settings = recipe.settings("tiny", {})
    recipe.export(settings, tmp_path)
    values = settings.model_dump(mode="json")
    (tmp_path / "about.json").write_text(json.dumps({"recipe": name, "settings": values, "environment": {}}))
    for field, value in values.items():
        if isinstance(value, int) and not isinstance(value, bool):
            (tmp_path / "settings.yaml").write_text(yaml.safe_dump(values | {field: value + 1}))
            with pytest.raises(SteadytuneError, match=rf"settings\.yaml.*\b{field}\b.*\b{value + 1}\b"):
                list(prove(tmp_path, 1))


def test_a_word_changed_in_a_long_command_line_is_named(tmp_path: Path) -> None:
    recipe = registry.find("refdet")
    settings = recipe.settings("tiny", {"lr": 1e-3})
    recipe.export(settings, tmp_path)
    known = {"recipe": "refdet", "settings": settings.model_dump(mode="json"), "environment": {}}
    (tmp_path / "about.json").write_text(json.dumps(known))
    file = tmp_path / "train.sh"
    file.write_text(file.read_text().replace("--lr 0.001 ", "--lr 0.7 "))
    with pytest.raises(
        SteadytuneError, match=r"train.sh:2: says '--lr 0.7', but the settings make '--lr 0.001'; export again"
    ):
        list(prove(tmp_path, 1))


def test_what_was_exported_trains_as_its_trial_did(exported: Path) -> None:
    said = list(prove(exported, 4))
    assert said[0] == "settings and native files are those of the trial"
    assert said[-1].startswith("proven: 4 epochs as in trial ")


def test_a_setting_changed_by_hand_is_named(exported: Path) -> None:
    file = exported / "settings.yaml"
    file.write_text(re.sub(r"quality: .*", "quality: 0.123", file.read_text()))
    with pytest.raises(
        SteadytuneError, match=r"settings.yaml: quality is 0.123, but the trial had 0\.\d+; export again"
    ):
        list(prove(exported, 1))


def test_a_native_file_changed_by_hand_is_named_with_its_line(exported: Path) -> None:
    file = exported / "curves.json"
    file.write_text(file.read_text().replace('"fast"', '"slow"').replace('"depth"', '"deep"'))
    with pytest.raises(SteadytuneError, match=r"curves.json:1: says .*deep.*, but the settings make .*depth"):
        list(prove(exported, 1))


def test_another_loss_is_named_with_its_epoch(exported: Path) -> None:
    file = exported / "about.json"
    known = json.loads(file.read_text())
    known["curve"][1]["train"] *= 1.00001
    file.write_text(json.dumps(known))
    with pytest.raises(SteadytuneError, match=r"epoch 2: train is 0.5, but the trial had 0.500005"):
        list(prove(exported, 3))


def test_other_data_are_refused(exported: Path) -> None:
    file = exported / "about.json"
    known = json.loads(file.read_text())
    known["environment"] = {"data_fingerprint": "0123456789abcdef"}
    file.write_text(json.dumps(known))
    with pytest.raises(SteadytuneError, match=r"data has the fingerprint .*, but the trial trained on 0123456789ab"):
        list(prove(exported, 1))


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SteadytuneError, match=r"holds no about.json, so it is no export"):
        list(prove(tmp_path, 1))
