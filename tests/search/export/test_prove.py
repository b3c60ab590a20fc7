from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.export.bundle import export
from search.export.manifest import read_about
from search.export.prove import prove
from search.state.outcome import result
from search.sweep.folder import SweepFolder
from tests.support.fakes import plan_of
from tests.support.workers import swept
from trainables import registry
from trainables.errors import SteadytuneError
from trainables.settings import read_yaml


@pytest.fixture
def exported(tmp_path: Path, data: Path) -> Path:
    """The winner of a whole sweep, exported."""
    plan = plan_of(data, trials=3, confirm_top=1, confirm_seeds=1, seed=1)
    folder = SweepFolder.create(tmp_path / "sweeps", plan.spec)
    state = swept(plan, folder.journal).state
    export(state, folder, result(state).trial, folder.best)
    return folder.best


def test_an_export_says_what_it_is_and_how_to_train_it_again(exported: Path) -> None:
    about = read_about(exported)
    assert (about["recipe"], about["metric"], about["sweep"]) == ("tests.support.fakes:Curves", "score", "sweep")
    assert [row["epoch"] for row in about["curve"]] == list(range(1, len(about["curve"]) + 1))
    assert about["settings"] == read_yaml(exported / "settings.yaml")
    assert (
        "steadytune train tests.support.fakes:Curves --config settings.yaml --data "
        in (exported / "README.md").read_text()
    )


class Ours:
    """An export of one of our recipes, without a training."""

    def __init__(self, name: str, folder: Path, **settings: Any) -> None:
        recipe = registry.find(name)
        typed_settings = recipe.settings("tiny", settings)
        self.folder = folder
        self.files = recipe.export(typed_settings, folder)
        self.values = typed_settings.model_dump(mode="json")
        about = {"recipe": name, "metric": "map", "sweep": "sweep", "trial": 0, "data": ".", "curve": [], "threads": 1}
        about |= {"settings": self.values, "environment": {}}
        (folder / "about.json").write_text(json.dumps(about))

    def complaint(self) -> str:
        """What is said against it."""
        with pytest.raises(SteadytuneError) as raised:
            list(prove(self.folder, 1))
        assert "\n" not in str(raised.value)
        return str(raised.value)

    def complaint_about(self, file: Path, text: str) -> str:
        """What is said if `file` holds `text`."""
        before = file.read_text()
        file.write_text(text)
        sentence = self.complaint()
        file.write_text(before)
        return sentence


NUMBER = re.compile(r"(?<![\w.])\d+(\.\d+)?(e-?\d+)?(?![\w.])")
"""A number in a native file that is not a part of a word."""
BY_HAND = "0.12345"
BOUND = re.compile(r"(\w+)['\"]?(?:: | ?= ?| )[^a-z]*$")
"""The name that stands before a value in its line, however many values of it come before."""


@pytest.mark.e2e  # some hundred proofs
@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_each_number_changed_by_hand_in_a_native_file_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    ours = Ours(name, tmp_path)
    changed = 0
    for file in (path for path in ours.files if path.name != "settings.yaml"):
        text = file.read_text()
        for match in NUMBER.finditer(text):
            sentence = ours.complaint_about(file, text[: match.start()] + BY_HAND + text[match.end() :])
            number = text.count("\n", 0, match.start()) + 1
            assert sentence.startswith(f"{file}:{number}: ")
            assert BY_HAND in sentence
            assert match[0] in sentence.replace(BY_HAND, "")
            if bound := BOUND.search(text[: match.start()].splitlines()[-1]):
                assert bound[1] in sentence
            changed += 1
    assert changed >= 13  # train.sh has the fewest


@pytest.mark.e2e  # some hundred proofs
@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_each_value_changed_by_hand_in_settings_yaml_is_named(name: str, tmp_path: Path) -> None:
    ours = Ours(name, tmp_path)
    file = tmp_path / "settings.yaml"
    for field, value in ours.values.items():
        sentence = ours.complaint_about(file, yaml.safe_dump(ours.values | {field: _other(value)}))
        assert sentence.startswith(f"{file}: ")
        assert re.search(rf"\b{field}\b", sentence)


def _other(value: Any) -> Any:
    """Another value of its kind; some are out of range, which is said too."""
    if isinstance(value, list):
        return [_other(value[0]), *value[1:]]
    if isinstance(value, bool):
        return not value
    if value is None:
        return 1
    return f"not {value}" if isinstance(value, str) else value + 1


@pytest.mark.parametrize(
    ("recipe", "file", "before", "after", "expected"),
    [
        ("refdet", "train.sh", "--lr 0.001 ", "--lr 0.7 ", "2: lr is 0.7, but the settings make it 0.001"),
        ("refdet", "train.sh", "width=0.125", "width=1", "1: width is 1, but the settings make it 0.125"),
        ("rgbt", "train.yaml", "lr0: 0.004", "lr0: 4e-3", "14: lr0 is 4e-3, but the settings make it 0.004"),
        ("rgbt", "yolo26t.yaml", "- 0.33", "- 0.5", "6: t is 0.5, but the settings make it 0.33"),
        ("yolox", "yolox_experiment.py", "ema = True", "ema = False", ": ema is False, but the settings make it True"),
        (
            *("slowfast", "slowfast_thermal_finetuning.py", "'erase_prob': 0.0,", "'erase_prob': 0.3,"),
            "erase_prob is 0.3, but the settings make it 0.0;",
        ),
        (
            *("slowfast", "slowfast_thermal_finetuning.py", "(0.9, 0.999)", "(0.9, 0.99)"),
            "betas is (0.9, 0.99), but the settings make it (0.9, 0.999)",
        ),
        (
            "resnet_yolo",
            "yolov8_params.py",
            "'dropout'",
            "'drop'",
            ": says 'drop 0.3', but the settings make 'dropout 0",
        ),
    ],
)
def test_what_was_changed_in_a_native_file_is_told_in_its_own_words(
    recipe: str, file: str, before: str, after: str, expected: str, tmp_path: Path
) -> None:
    ours = Ours(recipe, tmp_path)
    text = (tmp_path / file).read_text()
    assert before in text
    sentence = ours.complaint_about(tmp_path / file, text.replace(before, after))
    assert expected in sentence.removeprefix(f"{tmp_path / file}:")


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN))
def test_lines_added_to_a_native_file_or_gone_from_it_are_named(name: str, tmp_path: Path) -> None:
    """A name given twice counts as it stands last, so what is added changes the training."""
    ours = Ours(name, tmp_path)
    for file in ours.files:
        text = file.read_text()
        lines = text.splitlines()
        if file.name != "settings.yaml":
            added = ours.complaint_about(file, text + "lr: 0.5\n")
            assert added == f"{file}:{len(lines) + 1}: 'lr: 0.5' is not of the settings; export again"
            gone = ours.complaint_about(file, "\n".join(lines[:-1]))
            assert gone == f"{file}:{len(lines)}: lacks {lines[-1].strip()!r}; export again"
            file.unlink()
            assert ours.complaint() == f"{file}: is missing; export again"
            file.write_bytes(b"\xff\xfe")
            assert ours.complaint().startswith(f"{file}:1: ")
            file.write_text(text)


def test_what_was_exported_trains_as_its_trial_did(exported: Path) -> None:
    sentences = list(prove(exported, 4))
    assert sentences[0] == "settings and native files are those of the trial"
    assert sentences[-1].startswith("proven: 4 epochs as in trial ")


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
    about = json.loads(file.read_text())
    about["curve"][1]["train"] *= 1.00001
    file.write_text(json.dumps(about))
    with pytest.raises(SteadytuneError, match=r"epoch 2: train is 0.5, but the trial had 0.500005"):
        list(prove(exported, 3))


def test_a_training_that_ends_before_its_trial_did_is_no_proof(exported: Path) -> None:
    file = exported / "about.json"
    about = json.loads(file.read_text())
    about["curve"].append(about["curve"][-1] | {"epoch": 5})
    file.write_text(json.dumps(about))
    with pytest.raises(SteadytuneError, match=r"the training ended by itself before epoch 5, but trial \d .* had it"):
        list(prove(exported, 9))


def test_of_a_trial_without_an_epoch_nothing_is_proven(exported: Path) -> None:
    file = exported / "about.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"curve": []}))
    with pytest.raises(SteadytuneError, match=r"trial \d of sweep sweep finished no epoch, so there is nothing to"):
        list(prove(exported, 1))


def test_other_data_are_refused(exported: Path) -> None:
    file = exported / "about.json"
    about = json.loads(file.read_text())
    about["environment"] = {"data_fingerprint": "v2-0123456789abcdef"}
    file.write_text(json.dumps(about))
    with pytest.raises(SteadytuneError, match=r"data has the fingerprint .*, but the trial trained on 0123456789ab"):
        list(prove(exported, 1))


def test_an_older_versions_fingerprint_is_said_not_to_be_compared(exported: Path) -> None:
    file = exported / "about.json"
    about = json.loads(file.read_text())
    about["environment"] = {"data_fingerprint": "0123456789abcdef"}
    file.write_text(json.dumps(about))
    assert any(line.startswith("data not compared") for line in prove(exported, 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", r"line 1: not valid JSON \(.*\); it is damaged, so export again"),
        ("[1]", r"is damaged \(it holds a list\); export again"),
        ('{"recipe": "refdet"}', r"is damaged \(it has no settings\); export again"),
    ],
)
def test_what_an_export_says_of_itself_may_be_damaged(exported: Path, text: str, expected: str) -> None:
    (exported / "about.json").write_text(text)
    with pytest.raises(SteadytuneError, match=rf"about\.json:? {expected}"):
        list(prove(exported, 1))


def test_a_folder_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SteadytuneError, match=r"holds no about.json, so it is no export"):
        list(prove(tmp_path, 1))
