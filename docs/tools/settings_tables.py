"""Writes the table of settings on each recipe's page: `python docs/tools/settings_tables.py`.

The rows are those that `steadytune recipes NAME` prints. A test refuses a page whose table is not the code's.
"""

from __future__ import annotations

from pathlib import Path

from search.views.recipe_page import rows
from trainables import registry
from trainables.errors import DataError

BEGIN = "<!-- Written by `python docs/tools/settings_tables.py`; do not edit. -->"
END = "<!-- End of the settings. -->"
TRAINABLES = Path(__file__).parents[2] / "trainables"


def page(name: str) -> Path:
    """The page of the recipe `name`."""
    return TRAINABLES / name / "README.md"


def written(name: str) -> str:
    """The text of that page with the table that the code gives between its two markers.

    Raises:
        DataError: the page lacks a marker.
    """
    text = page(name).read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise DataError(f"{page(name)}: the table has no place; add the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{table(name)}\n{END}{after}"


def table(name: str) -> str:
    """The settings of the recipe `name` as a Markdown table."""
    recipe = registry.find(name)
    lines = [_line("setting", *recipe.presets, "searched range", "what it is")]
    lines.append("|" + " --- |" * (len(recipe.presets) + 3) + "\n")
    lines += [_line(f"`{row.setting}`", *row.values, row.searched, row.about) for row in rows(recipe)]
    return "".join(lines)


def _line(*cells: str) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |\n"


def main() -> None:
    """Write every built-in recipe's table anew."""
    for name in registry.BUILT_IN:
        page(name).write_text(written(name), encoding="utf-8")


if __name__ == "__main__":
    main()
