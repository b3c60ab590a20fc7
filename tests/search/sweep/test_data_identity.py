"""A sweep knows the data that it began with: what people call them, and whether they are still the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from search.sweep.data_identity import DataIdentity, data_name, describe, manifest_of, read_identity, resumed_with
from search.sweep.spec import SweepSpec
from trainables import identity
from trainables.errors import DataError
from trainables.manifest import Manifest

BEGAN = DataIdentity("cattle", Manifest({"class names": ["cow", "calf"]}, {"train a.png": "1", "train b.png": "2"}))
CHANGED = replace(BEGAN, manifest=Manifest(BEGAN.manifest.facts, {"train a.png": "9", "train b.png": "2"}))


@pytest.mark.parametrize(
    ("data", "is_file", "name"),
    [
        ("/home/me/datasets/cattle/data.yaml", True, "cattle"),
        ("/home/me/datasets/cattle", False, "cattle"),
        ("/home/me/datasets/cattle/", False, "cattle"),
        ("/home/me/datasets/pigs", False, "pigs"),
        ("/home/me/datasets/coco128.yaml", True, "coco128"),
        ("/data/cattle.v3i.yolov8/data.yaml", True, "cattle.v3i.yolov8"),
        ("/home/me/cattle/data", False, "cattle"),
        ("/home/me/cattle/dataset/data.yml", True, "cattle"),
        ("/tmp/rings/rings.csv", True, "rings"),
        ("/home/me/牛 2024/data.yaml", True, "牛 2024"),
        ("/data/data.yaml", True, "data"),
        ("s3://bucket/datasets/cattle?endpoint_override=http%3A%2F%2Fhost%3A9000", False, "cattle"),
        ("s3://bucket/cattle/data.yaml", True, "cattle"),
        ("s3://cattle", False, "cattle"),
        ("/", False, "data"),
    ],
)
def test_the_name_is_what_people_call_the_data_set(data: str, is_file: bool, name: str) -> None:
    assert data_name(data, is_file) == name


def test_a_relative_path_is_named_after_where_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cattle" / "sweeps").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "cattle" / "sweeps")
    assert data_name("..", is_file=False) == data_name("../data.yaml", is_file=True) == "cattle"


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    accepted = replace(BEGAN, earlier=("v2-1", "v2-2"))
    accepted.write(tmp_path)
    assert read_identity(tmp_path) == accepted


def test_a_sweep_of_version_0_1_0_has_none(tmp_path: Path) -> None:
    assert read_identity(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\udcff"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "data.json").write_text(content, errors="surrogateescape")
    with pytest.raises(DataError, match=r"data\.json(: | line 1: )"):
        read_identity(tmp_path)


def test_equal_data_go_on_without_a_word() -> None:
    copy = replace(BEGAN, manifest=replace(BEGAN.manifest, later={"train a.png": "/elsewhere/a.png"}))
    assert resumed_with("night", "cattle", BEGAN, copy, accept_changed=False) == (copy, "")


def test_changed_data_are_refused_with_what_changed_and_what_to_do() -> None:
    with pytest.raises(DataError) as refused:
        resumed_with("night", "cattle/data.yaml", BEGAN, CHANGED, accept_changed=False)
    sentence = str(refused.value)
    assert sentence.startswith("data is cattle/data.yaml; since sweep night began: 1 changed (train a.png); ")
    assert "warm_start: [night]" in sentence
    assert "--accept-changed-data" in sentence


def test_changed_data_that_are_accepted_are_the_sweeps_from_then_on() -> None:
    now, note = resumed_with("night", "cattle", BEGAN, CHANGED, accept_changed=True)
    assert now.manifest == CHANGED.manifest
    assert now.earlier == (BEGAN.manifest.fingerprint,)
    assert note.startswith("The data have changed: 1 changed (train a.png). ")
    again, _ = resumed_with("night", "cattle", now, BEGAN, accept_changed=True)
    assert set(again.earlier) == {BEGAN.manifest.fingerprint, CHANGED.manifest.fingerprint}


def test_accepted_changes_hold_for_checkpoints_of_a_recipe_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """They name the data by the recipe's own fingerprint."""
    monkeypatch.setattr(identity, "_accepted", set())
    began = DataIdentity("rings", Manifest({"fingerprint": "a" * 16}, {"rings.csv": "1"}))
    changed = DataIdentity("rings", Manifest({"fingerprint": "b" * 16}, {"rings.csv": "2"}))
    now, _ = resumed_with("night", "rings.csv", began, changed, accept_changed=True)
    assert now.first_fingerprint == began.manifest.fingerprint
    saved, resumed = (identity.identity("rings", "c" * 64, letter * 64) for letter in "ab")
    assert identity.difference(saved, resumed) != ""
    identity.accept(now.earlier)
    assert identity.difference(saved, resumed) == ""


def test_a_sweep_of_version_0_1_0_goes_on_and_says_what_is_not_known() -> None:
    now, note = resumed_with("night", "cattle", None, BEGAN, accept_changed=False)
    assert now == replace(BEGAN, name="")
    assert "whether they have changed since is not known" in note


@dataclass
class Own:
    """The data of a recipe of one's own."""

    fingerprint: str


def test_data_of_a_recipe_of_ones_own_are_known_by_its_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "rings.csv").write_text("1,2,0\n")
    file, folder = (manifest_of(str(path), path, Own("abc")) for path in (tmp_path / "rings.csv", tmp_path))
    assert list(file.parts) == ["rings.csv"]
    assert folder == Manifest({"fingerprint": "abc"}, {})
    assert manifest_of(str(tmp_path), tmp_path, Own("abd")).fingerprint != folder.fingerprint


def test_without_a_fingerprint_by_the_file_or_else_by_the_path(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("1\n")
    points = tmp_path / "points.csv"
    before = manifest_of(str(points), points, [1])
    (tmp_path / "points.csv").write_text("2\n")
    assert manifest_of(str(points), points, [2]).fingerprint != before.fingerprint
    assert manifest_of(str(tmp_path), tmp_path, object()) == Manifest({"path": str(tmp_path)}, {})


def test_a_description_has_the_name_and_the_recipes_own_manifest(tmp_path: Path) -> None:
    class Read:
        manifest = BEGAN.manifest

    spec = SweepSpec(name="night", recipe="yolox", data=str(tmp_path / "cattle"))
    assert describe(spec, tmp_path, Read()) == BEGAN


def test_a_script_without_data_is_named_after_its_folder(tmp_path: Path) -> None:
    """Whatever folder it is resumed from."""
    spec = SweepSpec(name="night", recipe="command", directory=str(tmp_path / "cattle"))
    assert describe(spec, Path(), None) == DataIdentity("cattle", Manifest({}, {}))


def test_a_download_of_unknown_contents_is_the_same_on_each_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def identity(machine: str, key: str) -> str:
        cache = tmp_path / machine / "cache"
        monkeypatch.setenv("STEADYTUNE_CACHE", str(cache))
        return manifest_of("s3://bucket/data", cache / key / "data", object()).fingerprint

    assert identity("lost", "a1") == identity("other", "a1") != identity("other", "b2")
