"""Tables on pages are what the code gives."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from search.views.recipe_page import rows
from trainables import registry

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(REPOSITORY / "docs/tools/settings_tables.py"))


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_the_table_on_a_recipes_page_is_what_the_code_gives(name: str, script: dict[str, Any]) -> None:
    file: Path = script["page"](name)
    assert file.read_text(encoding="utf-8") == script["written"](name), (
        f"{file.relative_to(REPOSITORY)} is behind the code: run python docs/tools/settings_tables.py"
    )


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_every_setting_has_a_row_and_every_row_all_its_cells(name: str, script: dict[str, Any]) -> None:
    recipe = registry.find(name)
    header, rule, *lines = script["table"](name).splitlines()
    assert [line.split("`")[1] for line in lines] == list(recipe.settings_type.model_fields)
    for line in (header, rule, *lines):
        assert line.replace(r"\|", "").count("|") == len(recipe.presets) + 4


def test_a_row_says_under_what_condition_a_setting_is_searched() -> None:
    by_name = {row.setting: row for row in rows(registry.find("resnet_yolo"))}
    assert by_name["warmup_start"].searched == "0.05 … 0.8 when warmup_epochs > 0"
    assert by_name["lr"].searched == "0.0001 … 0.005 (log)"
    assert by_name["image_size"].values == ("640", "96")
    assert by_name["image_size"].searched == ""


def test_the_fields_of_a_sweep_file_are_those_of_the_code() -> None:
    script = runpy.run_path(str(REPOSITORY / "docs/tools/sweep_fields.py"))
    page: Path = script["PAGE"]
    assert page.read_text(encoding="utf-8") == script["written"](), (
        f"{page.relative_to(REPOSITORY)} is behind the code: run python docs/tools/sweep_fields.py"
    )
