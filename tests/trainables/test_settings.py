from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, model_validator

from trainables.errors import SettingsError, nearest
from trainables.settings import Earlier, Settings, at_earlier_values, parse, parse_stored, parse_value, read_yaml


class Inner(Settings):
    depth: int = Field(1, ge=1)


class Example(Settings):
    lr: float = Field(1e-3, gt=0)
    epochs: int
    clamp: bool = False
    shape: Literal["fast", "slow"] = "fast"
    inner: Inner = Inner()
    maybe: Inner | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Example:
        if self.clamp and self.epochs > 100:
            raise ValueError("clamp needs at most 100 epochs; lower epochs or drop clamp")
        return self


class Grown(Example):
    momentum: Annotated[float, Earlier(0.9)] = Field(ge=0, lt=1)
    batch: int = Field(8, ge=1)


def test_stored_settings_have_the_earlier_value_of_a_newer_field_and_new_ones_must_name_it() -> None:
    assert parse_stored(Grown, {"epochs": 3}, "x").momentum == 0.9
    assert parse_stored(Grown, {"epochs": 3, "momentum": 0.5}, "x").momentum == 0.5
    with pytest.raises(SettingsError, match=r"^x: setting 'momentum' is missing and has no default; add it$"):
        parse(Grown, {"epochs": 3}, "x")


def test_stored_settings_without_another_field_are_of_another_version() -> None:
    with pytest.raises(SettingsError, match="setting 'epochs' is missing and has no default; these settings are older"):
        parse_stored(Grown, {}, "x")


def test_a_setting_at_its_earlier_value_tells_no_training_apart_from_an_older_one() -> None:
    assert at_earlier_values(parse(Grown, {"epochs": 3, "momentum": 0.9}, "x")) == {"momentum"}
    assert at_earlier_values(parse(Grown, {"epochs": 3, "momentum": 0.5}, "x")) == set()
    assert at_earlier_values(parse(Example, {"epochs": 3}, "x")) == set()


def test_whole_numbers_are_numbers_too() -> None:
    assert parse(Example, {"lr": 1, "epochs": 3}, "x").lr == 1.0


def test_settings_cannot_be_changed() -> None:
    settings = parse(Example, {"epochs": 3}, "x")
    with pytest.raises(ValueError, match="frozen"):
        settings.epochs = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"epochs": 3, "lrr": 1.0}, "unknown setting 'lrr'; did you mean 'lr'? valid: clamp, epochs"),
        ({"epochs": 3, "inner": {"dept": 1}}, "unknown setting 'inner.dept'; did you mean 'depth'? valid: depth"),
        ({"epochs": 3, "maybe": {"dept": 1}}, "unknown setting 'maybe.dept'; did you mean 'depth'? valid: depth"),
        ({}, "setting 'epochs' is missing and has no default; add it"),
        ({"epochs": 3, "lr": 0.0}, "setting 'lr' is 0.0; it must be greater than 0"),
        ({"epochs": 3, "lr": "1e-3"}, "setting 'lr' is '1e-3'; it must be a number"),
        ({"epochs": 3, "lr": math.nan}, "setting 'lr' is nan; it must be"),
        ({"epochs": 3, "lr": math.inf}, "setting 'lr' is inf; it must be a finite number"),
        ({"epochs": 2.5}, "setting 'epochs' is 2.5; it must be a whole number"),
        ({"epochs": True}, "setting 'epochs' is true; it must be a whole number"),
        ({"epochs": None}, "setting 'epochs' is null; it must be a whole number"),
        ({"epochs": 3, "clamp": 1}, "setting 'clamp' is 1; it must be true or false"),
        ({"epochs": 3, "shape": "medium"}, "setting 'shape' is 'medium'; it must be 'fast' or 'slow'"),
        ({"epochs": 3, "inner": {"depth": 0}}, "setting 'inner.depth' is 0; it must be at least 1"),
        ({"epochs": 101, "clamp": True}, "clamp needs at most 100 epochs; lower epochs or drop clamp"),
    ],
)
def test_a_wrong_value_is_answered_with_one_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(Example, values, "owner")
    assert str(caught.value).startswith("owner: ")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bound_is_told_as_people_write_it() -> None:
    with pytest.raises(SettingsError, match=r"it must be greater than 0$"):
        parse(Example, {"epochs": 3, "lr": 0}, "owner")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("-1.5e+2", -150.0),
        (".5e1", 5.0),
        ("0.5", 0.5),
        ("3", 3),
        ("true", True),
        ("[1, 2e-1]", [1, 0.2]),
        ("{low: 1e-5, high: 1e-3}", {"low": 1e-5, "high": 1e-3}),
        ("1e-3x", "1e-3x"),
        ("e3", "e3"),
        ("", None),
    ],
)
def test_values_are_read_as_people_write_them(text: str, value: Any) -> None:
    parsed = parse_value(text, "--set x")
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize("text", ["{low: 1", "[1, 2", "a: b: c", "{a: 1, a: 2}", "!!python/object:os.system x", "\x00"])
def test_a_value_that_is_no_yaml_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^--set x.*: not valid YAML"):
        parse_value(text, "--set x")


def file(folder: Path, content: str | bytes) -> Path:
    path = folder / "sweep.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: not valid YAML (key 'a' is given twice)"),
        ("names:\n  0: cow\n  00: calf\n", "line 3: not valid YAML (key '00' is given twice)"),
        ("yes: 1\ntrue: 2\n", "line 2: not valid YAML (key 'true' is given twice)"),
        ("set:\n  lr: 1\n  lr: 2\n", "line 3: not valid YAML (key 'lr' is given twice)"),
        ("a: 1\n\tb: 2\n", "line 2: not valid YAML (a tab; use spaces)"),
        ("a: 1\n  b: 2\n", "line 2: not valid YAML (a second ': ' in one value; quote the value, indent"),
        ("a\nb: 2\n", "or give the line before its ': ')"),
        ("a: 1\nb\nc: 2\n", "line 3: not valid YAML (the line before has no ': '; write `key: value`)"),
        ("set:\n  a: 1\n b: 2\n", "line 3: not valid YAML (indented unlike the lines beside it;"),
        ("  a: 1\nb: 2\n", "line 2: not valid YAML (indented unlike the lines beside it;"),
        ("a: 1\n- b\n", "line 2: not valid YAML (a list item among lines of `key: value`;"),
        ("a: [1\nb: 2\n", "line 2: not valid YAML (a '[' is not closed; add the ']')"),
        ("a: {b: 1\n", "line 2: not valid YAML (a '{' is not closed; add the '}')"),
        ("a: [train.py, ${data}]\n", "line 1: not valid YAML (a '{' within brackets; put a value such as ${data} in"),
        ("a: {csv: ${run_dir}/log.csv}\n", "line 1: not valid YAML (a '{' within braces; put a value such as ${run"),
        ("a: 'b\n", "not valid YAML (a quote is not closed;"),
        ("- a\n- b\n", "holds a list; it must be a YAML mapping of `key: value` lines"),
        ("hello", "holds only a value; it must be a YAML mapping"),
        (b"\xff\xfe\x00", "is no UTF-8 text"),
        (b"a: \x80\n", "is no UTF-8 text"),
        ("? [1, 2]\n: 3\n", "not valid YAML"),
        ("? {a: 1}\n: 3\n", "not valid YAML"),
        ("a: !!python/object/apply:os.mkdir [bomb]\n", "line 1: not valid YAML (could not determine a constructor"),
        ("a: 1\nb: !!python/name:os.system\n", "line 2: not valid YAML (could not determine a constructor"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    path = file(tmp_path, content)
    with pytest.raises(SettingsError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(str(path))
    assert sentence in str(caught.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file; check the path"):
        read_yaml(tmp_path / "nowhere.yaml")
    with pytest.raises(SettingsError, match="is a folder; give the YAML file itself"):
        read_yaml(tmp_path)


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    assert read_yaml(file(tmp_path, "# nothing\n")) == {}


def test_merge_keys_and_anchors_work(tmp_path: Path) -> None:
    text = "base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\n"
    assert read_yaml(file(tmp_path, text))["more"] == {"a": 1, "b": 3}


def test_the_nearest_name_is_offered_only_if_it_is_near() -> None:
    assert nearest("lrr", ["lr", "epochs"]) == "did you mean 'lr'? valid: epochs, lr"
    assert nearest("zzz", ["lr", "epochs"]) == "valid: epochs, lr"
    assert nearest("a", []) == "valid: none"


def test_many_names_are_listed_only_if_none_of_them_is_near() -> None:
    valid = ["lr0", *(f"weight_{number}" for number in range(30))]
    assert nearest("lr", valid) == "did you mean 'lr0'?"
    assert nearest("zzz", valid) == f"valid: {', '.join(sorted(valid))}"


def test_a_file_may_be_piped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a submitted job gets its sweep, and as `cat sweep.yaml | steadytune launch -` gives one."""
    for path in ("/dev/stdin", "-"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"recipe: yolox\n")))
        assert read_yaml(Path(path)) == {"recipe": "yolox"}


def test_what_is_piped_in_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"# " * 10**6)))
    with pytest.raises(SettingsError, match=r"/dev/stdin: .*STEADYTUNE_MAX_YAML_BYTES"):
        read_yaml(Path("-"))
