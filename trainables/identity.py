"""The identity of a training: its recipe, settings and data. A resume compares it with that of the checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trainables.manifest import FORMAT

DIGITS = 8
"""How many digits of the settings' digest and of the data's fingerprint an identity has."""
_TEXT = re.compile(r"(?P<training>\S+ \(settings \w+), (?P<kind>data|content) (?P<data>.*)\)")
_AVERAGE = "(average of"
_accepted: set[str] = set()


def identity(recipe: str, settings_digest: str, fingerprint: str) -> str:
    """The identity of a training, such as "yolox (settings 0f3a…, content 77bc…)".

    It says "content" for a manifest's fingerprint, and "data" for others: that of a user's own recipe, and those of
    version 0.1.0.
    """
    kind = "content" if fingerprint.startswith(FORMAT) else "data"
    return f"{recipe} (settings {settings_digest[:DIGITS]}, {kind} {_digits(fingerprint)})"


def averaged_identity(first: str, count: int) -> str:
    """The identity of the average of `count` trainings, of which `first` is one's."""
    return f"{first.partition(' ')[0]} {_AVERAGE} {count} trainings)"


def difference(saved: str, now: str) -> str:
    """How the training of identity `now` differs from the one of `saved`; "" if it may continue that.

    A fingerprint of version 0.1.0 says nothing about one by content, so the two are not compared.
    """
    before, after = _TEXT.fullmatch(saved), _TEXT.fullmatch(now)
    if saved == now:
        return ""
    if _AVERAGE in saved:
        return "is an average of trainings, from which none can go on; give a checkpoint of one of them"
    if before is None or after is None or _recipe(before) != _recipe(after):
        writer = f"recipe {_recipe(before)}" if before else repr(saved)
        return f"was written by {writer}, not by recipe {_recipe(after) if after else now}; give a checkpoint of that"
    if before["training"] != after["training"]:
        return (
            "was trained with other settings, and the settings.yaml beside it does not name them: it is missing or was"
            " changed; restore it, and resume with --config SETTINGS.yaml"
        )
    if before["kind"] != after["kind"] or before["data"] in _accepted:
        return ""
    return (
        f"was trained on other data (fingerprint {before['data']}, that of the data given is {after['data']}); restore"
        " the files, or train from the start"
    )


def _recipe(identity_parts: re.Match[str]) -> str:
    return identity_parts["training"].partition(" ")[0]


def accept(fingerprints: Iterable[str]) -> None:
    """Let this process continue trainings on data with these fingerprints too: the user has accepted the change."""
    _accepted.update(map(_digits, fingerprints))


def _digits(fingerprint: str) -> str:
    return fingerprint.removeprefix(FORMAT)[:DIGITS]
