"""Names as keys of MLflow's: taken by it, apart from each other, and readable back.

Names that stopped other people's recording, each refused by MLflow:

- "val/AR@100": https://github.com/open-mmlab/mmdetection/issues/10258
- "timing(s)/gen": https://github.com/verl-project/verl/issues/119
- "gpu_id: 0/memory.used (MB)": https://github.com/Lightning-AI/pytorch-lightning/issues/4411
- "01: running time in mins": https://github.com/amesar/mlflow-export-import/issues/4
- a name with a comma: https://github.com/mlflow/mlflow/issues/7807

Vowel signs of Hindi and Thai and accents that are characters of their own are no letters to MLflow either.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search.tracking.mlflow_names import LONGEST_KEY, key, name_of, storable

PEOPLES = (
    *("val/AR@100", "timing(s)/gen", "gpu_id: 0/memory.used (MB)", "01: running time in mins", "a, b"),
    *("traffic light/red", "person?", "C++", "C#", "metrics/mAP50-95(B)", "metrics/mAP50(B)", "cat & dog", "50% full"),
    *("R&D", "a+b", "a_b", "a*b", "a=b", "a b", "", ".", "..", "...", "../x", "/", "//", "x/", "/x", "a//b", "a/./b"),
    *("a/../b", "-", "--", "-0-", "-2B-", "-2B", "a-10/b", "हिन्दी", "ไทย", "e\u0301", "\u00e9", "猫", "a\nb", "a\n"),
    *("\x00", "\x1b[31m", "\ud800", "\U0001f600", "a:b", "=cmd()", "<b>", "map50_95/.."),
)
names = st.text() | st.text(st.sampled_from("-/.0A2FB+:a \n"), max_size=12)


def test_ordinary_names_stay_as_they_are() -> None:
    ordinary = ("map50_95", "map50_95/traffic light", "loss/val", "rate/group-10", "cat", "猫", "v1.25", "T-55x")
    assert [key(name) for name in ordinary] == list(ordinary)


def test_other_peoples_class_names_have_keys_of_their_own() -> None:
    keys = [key(f"map50_95/{name}") for name in PEOPLES]
    assert len(set(keys)) == len(PEOPLES)
    assert [name_of(metric_key) for metric_key in keys] == [f"map50_95/{name}" for name in PEOPLES]


@given(names)
@example("-2B+")
@example("-2B//")
@example("a-+-")
def test_a_name_is_read_back_from_its_key(name: str) -> None:
    if len(key(name)) < LONGEST_KEY:
        assert name_of(key(name)) == name


@given(st.lists(names, min_size=2, max_size=2, unique=True))
def test_two_names_have_two_keys(pair: list[str]) -> None:
    assert key(pair[0]) != key(pair[1])


def test_long_names_stay_apart() -> None:
    first, second = key("a" * 300 + "1"), key("a" * 300 + "2")
    assert first != second
    assert len(first) == len(second) == LONGEST_KEY


@pytest.mark.e2e  # imports MLflow
@given(names)
def test_mlflow_takes_every_key(name: str) -> None:
    from mlflow.utils import validation

    validate: Any = validation._validate_metric_name
    for metric in (name, f"map50_95/{name}", *PEOPLES):
        validate(key(metric))
        assert ":" not in key(metric), "an MLflow server on Windows refuses it"


def test_texts_are_cut_and_hold_only_what_databases_take() -> None:
    assert storable("a\0b\ud800", 100) == "a\\x00b\\ud800"
    assert storable("x" * 9, 5) == "xxxxx"
    assert storable(3, 5) == "3"
