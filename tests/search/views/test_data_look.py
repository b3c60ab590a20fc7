"""What was seen of the data, in the terminal, the report, MLflow's files and the picture of a batch."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from search.check import describe
from search.state.sweep_state import SweepState
from search.sweep.augmentation import baseline, strongest, strongest_values
from search.sweep.data_look import DataLook, read
from search.sweep.plan import Plan
from search.views.batch_picture import PANEL, batch_picture
from search.views.data_look import MOST_ROWS, as_markdown, look_at
from search.views.html_report import sweep_page
from search.views.look_process import look_apart
from tests.support.fakes import Curves, plan_of
from trainables.errors import SettingsError, SteadytuneError
from trainables.look import Example, Look, LookTable
from trainables.recipe import StrongestEnds

LOOK = Look(
    (LookTable("Classes", ("class", "train"), (("<b>cow</b>", "[red]3"), ("calf", "4")), "A note."),),
    ("3 of 4 pictures look alike",),
    ("a.png: looks like b.png",),
    {"majority class": {"score": 0.25, "error": 0.75}, "random, by class frequency": {"score": 0.125}},
)


class Seen(Curves):
    """Curves whose data can be looked at: a picture as bright as `noise`."""

    name = "seen"
    augmentation: ClassVar[StrongestEnds] = {"noise": "high", "quality": "low", "depth": "high", "shape": "low"}

    def look(self, settings: Any, data: Any) -> Look:
        return LOOK

    def training_batch(self, settings: Any, data: Any) -> list[Example]:
        pixels = np.full((20, 20, 3), round(255 * settings.noise), dtype=np.uint8)
        return [Example(pixels, np.array([[2, 2, 10, 10]], dtype=np.float32), ("cow",), "day")] * 2


class Killed(Seen):
    """Its process ends while it looks."""

    name = "killed"

    def look(self, settings: Any, data: Any) -> Look:
        os._exit(7)


def seen(data: Path, **fields: Any) -> Plan:
    return plan_of(data, recipe=f"{__name__}:Seen", **fields)


def printed(plan: Plan, verbose: bool = False) -> str:
    console = Console(file=io.StringIO(), width=80)
    for item in describe(plan, verbose):
        console.print(item)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_strongest_settings_are_the_ends_of_what_the_sweep_searches(data: Path) -> None:
    plan = seen(data)
    assert strongest_values(plan) == {"noise": 0.1, "quality": 0.01, "depth": 3, "shape": "fast"}
    strong, usual = strongest(plan).model_dump(), baseline(plan).model_dump()
    assert {name for name in strong if strong[name] != usual[name]} <= {"noise", "quality", "depth", "shape"}


def test_pins_and_narrowed_ranges_hold_for_the_strongest_too(data: Path) -> None:
    plan = seen(data, set={"noise": {"high": 0.05}, "quality": 0.5, "shape": ["slow"]})
    assert strongest_values(plan) == {"noise": 0.05, "depth": 3, "shape": "slow"}
    assert strongest(plan).model_dump()["quality"] == 0.5


def test_a_setting_that_cannot_stand_beside_the_others_keeps_the_baselines_value(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = seen(data)
    settings = Seen.settings

    def refuse(self: Seen, preset: str, overrides: Any, training: str | None = None) -> Any:
        if overrides.get("noise") == 0.1 and overrides.get("depth") == 3:
            raise SettingsError("the two do not go together")
        return settings(self, preset, overrides, training)

    monkeypatch.setattr(Seen, "settings", refuse)
    strong = strongest(plan).model_dump()
    assert (strong["noise"], strong["depth"]) == (0.1, baseline(plan).model_dump()["depth"])


def test_check_shows_it_and_lists_details_if_asked(data: Path) -> None:
    plan = seen(data)
    plan = replace(plan, data_look=look_at(plan, data))
    text = printed(plan)
    for part in ("note: 3 of 4 pictures look alike", "Classes", "<b>cow</b>", "[red]3", "A note.", "--verbose"):
        assert part in text
    guessing = text[text.index("Guessing") :]
    rows = [line.split() for line in guessing.splitlines()[1:4]]
    assert rows[0] == ["score", "error"]
    assert rows[1] == ["majority", "class", "0.2500", "0.7500"]
    assert rows[2][-2:] == ["0.1250", "–"]
    assert "looks like" not in text
    assert "a.png: looks like b.png" in printed(plan, verbose=True)


def test_a_long_table_is_cut_on_the_terminal_unless_all_is_asked_for(data: Path) -> None:
    rows = tuple((f"class {index}", str(index)) for index in range(MOST_ROWS + 5))
    plan = replace(seen(data), data_look=DataLook(Look((LookTable("Classes", ("class", "train"), rows),))))
    assert "and 5 more: --verbose" in printed(plan)
    assert f"class {MOST_ROWS + 4}" in printed(plan, verbose=True)


def test_the_report_shows_it_with_the_picture_inside(data: Path) -> None:
    plan = seen(data)
    page = sweep_page(SweepState(plan), "sweep", look_at(plan, data))
    assert "&lt;b&gt;cow&lt;/b&gt;" in page
    assert "<b>cow" not in page
    assert 'src="data:image/webp;base64,' in page
    result, _, rest = page.partition("id='search'")
    assert "About the data: 3 of 4 pictures look alike" in result, "on the first screen"
    assert "3 of 4 pictures look alike" in rest


def test_what_was_seen_is_kept_in_the_sweeps_folder(data: Path, tmp_path: Path) -> None:
    plan = seen(data)
    data_look = look_at(plan, data)
    data_look.write(tmp_path / "look")
    assert read(tmp_path / "look") == data_look
    assert read(tmp_path / "none") is None
    assert r"| \<b\>cow\</b\> | \[red\]3 |" in as_markdown(data_look)
    file = tmp_path / "look" / "look.json"
    earlier = {key: value for key, value in json.loads(file.read_text()).items() if key != "guesses"}
    file.write_text(json.dumps(earlier))
    assert read(tmp_path / "look") == replace(data_look, look=replace(LOOK, guesses={})), "an earlier version's"
    (tmp_path / "look" / "look.json").write_text("{}")
    with pytest.raises(SteadytuneError, match=r"look\.json: is damaged"):
        read(tmp_path / "look")


def test_a_recipe_that_shows_nothing_is_checked_as_before(data: Path) -> None:
    plan = plan_of(data)
    assert look_at(plan, data) == DataLook()
    assert "Classes" not in printed(replace(plan, data_look=DataLook()))


def test_the_look_of_a_process_of_its_own_is_the_same(data: Path) -> None:
    plan = seen(data)
    assert look_apart(plan, data) == look_at(plan, data)
    assert look_apart(plan_of(data), data) == DataLook()


def test_what_goes_wrong_in_that_process_is_said_in_a_sentence(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SteadytuneError, match=r"data\.txt: no such file; write the sample data set"):
        look_apart(seen(data), data / "elsewhere")
    with pytest.raises(SteadytuneError, match=r"ended with code 7 .*; is there enough memory"):
        look_apart(plan_of(data, recipe=f"{__name__}:Killed"), data)


def test_the_picture_shows_both_batches_with_boxes_in_their_places(data: Path) -> None:
    plan = seen(data)
    picture = Image.open(io.BytesIO(look_at(plan, data).picture)).convert("RGB")
    pixels = np.asarray(picture).astype(int)
    assert pixels.shape[1] > 2 * PANEL
    left, right = pixels[:, : pixels.shape[1] // 2], pixels[:, pixels.shape[1] // 2 :]
    assert ((left < 8).all(axis=2)).sum() > 50_000, "the baseline's noise is 0: black"
    assert ((abs(right - 26) < 8).all(axis=2)).sum() > 50_000, "the strongest is 0.1: nearly black"
    yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 160) & (pixels[..., 2] < 80)
    assert yellow.sum() > 4 * 4 * 100


@pytest.mark.parametrize("shape", [(8, 400), (400, 8), (1, 1), (1200, 1600), (96, 192)])
@pytest.mark.parametrize("count", [1, 6])
def test_examples_of_any_shape_are_drawn(shape: tuple[int, int], count: int) -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, shape[1], shape[0]]], dtype=np.float32)
    example = Example(np.zeros((*shape, 3), dtype=np.uint8), boxes, ("cow", "牛"), "🐄 by day")
    names = {f"batch {index}": [example] * count for index in range(2)}
    picture = Image.open(io.BytesIO(batch_picture(names)))
    assert picture.width > 2 * PANEL


def test_many_classes_have_a_legend_that_ends() -> None:
    boxes = np.zeros((300, 4), dtype=np.float32)
    example = Example(
        np.zeros((50, 50, 3), dtype=np.uint8), boxes, tuple(f"class number {number}" for number in range(300))
    )
    assert Image.open(io.BytesIO(batch_picture({"a": [example]}))).height < 1000
