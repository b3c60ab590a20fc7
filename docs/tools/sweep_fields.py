"""Writes the tables of fields in `docs/own-sweep.md`: `python docs/tools/sweep_fields.py`.

They are the fields of `SweepSpec` and `StabilitySettings`. A test refuses a page whose tables are not the code's.
"""

from __future__ import annotations

from pathlib import Path

from search.pruning.stability import StabilitySettings
from search.sweep.spec import SweepSpec
from trainables.errors import DataError
from trainables.settings import Settings

BEGIN = "<!-- Written by `python docs/tools/sweep_fields.py`; do not edit. -->"
END = "<!-- End of the fields. -->"
FILLED_IN = ("name",)
"""Fields that every sweep has, but a sweep file need not."""
PAGE = Path(__file__).parents[1] / "own-sweep.md"


def written() -> str:
    """The text of the page with the tables that the code gives between its two markers.

    Raises:
        DataError: the page lacks a marker.
    """
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise DataError(f"{PAGE}: a marker is missing; add the lines {BEGIN!r} and {END!r}")
    fields = f"{table(SweepSpec)}\nThe fields of `stability`:\n\n{table(StabilitySettings)}"
    return f"{before}{BEGIN}\n\n{fields}\n{END}{after}"


def table(settings: type[Settings]) -> str:
    """The fields of `settings` as a Markdown table."""
    lines = ["| field | default | meaning |", "| --- | --- | --- |"]
    for name, field in settings.model_fields.items():
        lines.append(f"| `{name}` | {default(settings, name)} | {field.description} |".replace("\\", "\\\\"))
    return "\n".join(lines) + "\n"


def default(settings: type[Settings], name: str) -> str:
    """What a field is if it is left out, as a sweep file would have it."""
    field = settings.model_fields[name]
    if name in FILLED_IN:
        return ""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, [], "") or isinstance(value, Settings):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
