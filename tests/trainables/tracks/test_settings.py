"""The field `tracks` in each of its forms."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from trainables.tracks.settings import Tracks, TracksField

FIELD: TypeAdapter[Tracks | None] = TypeAdapter(TracksField)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, Tracks()),
        ("held_out", Tracks(sequences="held_out")),
        ({"every": 5}, Tracks(every=5)),
        (False, None),
        (None, None),
    ],
)
def test_its_forms(given: Any, expected: Tracks | None) -> None:
    assert FIELD.validate_python(given) == expected


@pytest.mark.parametrize("given", [["botsort"], 3, {"evry": 5}])
def test_what_is_none_of_them(given: Any) -> None:
    with pytest.raises(ValidationError):
        FIELD.validate_python(given)
