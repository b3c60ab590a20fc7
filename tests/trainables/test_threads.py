"""How many threads torch computes with."""

from __future__ import annotations

import os

import pytest
import torch

from trainables import threads


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.delenv(threads.VARIABLE, raising=False)


def test_it_is_one_as_in_a_sweep() -> None:
    assert threads.use(None) == 1
    assert os.environ[threads.VARIABLE] == "1"


def test_it_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(threads.VARIABLE, "3,2")
    assert threads.use(None) == 3


def test_it_is_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(threads.VARIABLE, "3")
    assert threads.use(2) == 2
    assert os.environ[threads.VARIABLE] == "2"


def test_torch_is_told_if_it_was_imported_before(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", counts.append)
    threads.use(4)
    assert counts == [4]
