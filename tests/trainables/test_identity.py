"""A checkpoint is continued by the same training on the same data."""

from __future__ import annotations

import pytest

from trainables import identity as identities
from trainables.identity import accept, difference, identity

ONE, OTHER = "v2-" + "1" * 64, "v2-" + "2" * 64
OLDER = "yolox (settings aaaaaaaa, data 14d66225)"
"""As version 0.1.0 wrote it."""


@pytest.fixture(autouse=True)
def nothing_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identities, "_accepted", set())


def of(recipe: str = "yolox", settings: str = "a" * 64, fingerprint: str = ONE) -> str:
    return identity(recipe, settings, fingerprint)


def test_it_names_recipe_settings_and_content() -> None:
    assert of() == "yolox (settings aaaaaaaa, content 11111111)"


def test_the_same_training_continues() -> None:
    assert difference(of(), of()) == ""


@pytest.mark.parametrize(
    ("saved", "why"),
    [
        (of(recipe="rgbt"), "was written by recipe rgbt, not by recipe yolox; give a checkpoint of that"),
        (of(settings="b" * 64), "was trained with other settings, and the settings.yaml beside it does not name them"),
        ("nonsense", "was written by 'nonsense', not by recipe yolox"),
    ],
)
def test_other_settings_are_refused(saved: str, why: str) -> None:
    assert difference(saved, of()).startswith(why)


def test_other_data_are_refused_as_such() -> None:
    assert difference(of(fingerprint=OTHER), of()).startswith("was trained on other data (fingerprint 22222222")


def test_other_data_are_continued_if_the_user_said_so() -> None:
    accept([OTHER])
    assert difference(of(fingerprint=OTHER), of()) == ""
    assert difference(of(fingerprint="v2-" + "3" * 64), of()) != ""


def test_the_fingerprint_of_an_older_version_is_not_compared() -> None:
    assert difference(OLDER, of()) == ""
    assert difference(OLDER, of(settings="b" * 64)) != ""


def test_a_recipe_of_ones_own_is_compared_by_its_own_fingerprint() -> None:
    """Also with a checkpoint that version 0.1.0 wrote: it had the same."""
    identity = of("rings", fingerprint="c" * 64)
    assert identity == "rings (settings aaaaaaaa, data cccccccc)"
    assert difference(of("rings", fingerprint="d" * 64), identity) != ""
