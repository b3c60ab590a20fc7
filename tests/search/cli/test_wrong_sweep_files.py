"""What is wrong with a sweep file is one sentence and exit code 2; `test_wrong_inputs.py` has wrong command lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.terminal import Steadytune, check_sentence

RECIPE = "tests.support.fakes:Curves"
SWEEP = {"name": "new", "recipe": RECIPE, "preset": "short", "data": "DATA"}
"""A sound sweep file; DATA is the data set."""


FIELDS = {
    "trials: many": "setting 'trials' is 'many'; it must be a whole number",
    "trials: 2.0": "setting 'trials' is 2.0; it must be a whole number",
    "trials: [1]": "setting 'trials' is [1]; it must be a whole number",
    "trials:": "setting 'trials' is null; it must be a whole number",
    "trials: true": "setting 'trials' is true; it must be a whole number",
    "trails: 3": "sweep.yaml: unknown field 'trails'; did you mean 'trials'?",
    "hours: .inf": "setting 'hours' is inf; it must be a finite number",
    "depth: 3": "depth is a setting of tests.support.fakes:Curves, no field of a sweep; it belongs in set, such as",
    "gpus: 1.5": "setting 'gpus' is 1.5; it must be the number of GPUs of one trial: auto, a share",
    "seed: -1": "setting 'seed' is -1; it must be at least 0",
    "stage: [{name: a}, {name: b}]": "unknown field 'stage'; did you mean 'stages'?",
    "Trials: 3": "unknown field 'Trials'; did you mean 'trials'?",
    "sampler: tpe_univariat": "or 'qmc'; did you mean 'tpe_univariate'?",
    "scheduler: ASHA": "or 'none'; did you mean 'asha'?",
    "objective: best-mean": "or 'last'; did you mean 'best_mean'?",
    "set: {shape: fats}": "setting 'shape' is 'fats'; it must be 'fast' or 'slow'; did you mean 'fast'?",
    "sampler: bayes": "setting 'sampler' is 'bayes'; it must be 'rank_gp',",
    "metric: {name: score, mode: min}": "metric.mode: higher values of score are better; give mode: max, or leave",
    "audit: 2": "setting 'audit' is 2; it must be at most 1",
    "address: 7": "setting 'address' is 7; it must be text",
    "enqueue: steady": "setting 'enqueue' is 'steady'; it must be a list, such as [a, b]",
    "enqueue: [1]": "setting 'enqueue.0' is 1; it must be text",
    "enqueue: [nope]": "unknown training 'nope'; valid: good,",
    "starts_from: nope": "starts_from: no sweep 'nope' in",
    "cpus: 999": "a trial takes 999 CPUs and 0 GPUs, which no node has; there are",
    "memory_gb: 9999": "and 9,999 GB, which no node has; there are",
    "warm_start: [nope]": "warm_start: no sweep 'nope' in",
    "stability: 3": "stability is 3; it must be a mapping of names to values",
    "stability: {train_facto: 3}": "unknown setting 'stability.train_facto'; did you mean 'train_factor'?",
    "stability: {train_factor: big}": "setting 'stability.train_factor' is 'big'; it must be a number",
    "metric: {name: score, mode: best}": "setting 'metric.mode' is 'best'; it must be 'max' or 'min'",
    "metric: {name: score, modus: max}": "unknown setting 'metric.modus'; did you mean 'mode'?",
    "metric: [score]": "setting 'metric' is ['score']; it must be a mapping of names to values",
    "limits: {epoch_seconds: 30}": "setting 'limits.epoch_seconds' is 30; it must be a mapping of names to values",
    "limits: {seconds: {high: 3}}": "unknown setting 'limits.seconds'; a name there must be 'epoch_seconds' or",
    "limits: {epoch_seconds: {hig: 1}}": "unknown setting 'limits.epoch_seconds.hig'; did you mean 'high'?",
    "tracks:": "tracks is empty; give true for its defaults, or false, or leave tracks out",
    "metric:": "metric is empty; give a metric's name, or {name, mode}, or leave metric out",
    "stages:": "stages must be a list of at least two",
    "limits:": "setting 'limits' is null; it must be a mapping of names to values",
    "metric: hota": "metric is 'hota', which is of objects that are followed through sequences; add `tracks: true`",
    "set: depth": "set is 'depth'; it must be a mapping of names to values",
    "set: {depth: many}": "setting 'depth' is 'many'; it must be a whole number",
    "set: {1: 2}": "set",
    "set: {quality: []}": "set.quality is an empty list; give at least one value",
    "set: {depth: [1, 1]}": "set.depth is [1, 1]; give each value once",
    "set: {quality: {low: 0.9, high: 0.1}}": "set.quality: low 0.9 is above high 0.1",
    "set: {quality: {lo: 0.1}}": "set.quality.lo is not known; did you mean 'low'?",
    "set: {quality: {low: a}}": "set.quality.low is 'a'; it must be a number",
    "grace_epochs: 400": "grace_epochs is 400; it must be at most the 4 epochs of a training",
    "command: python train.py": "command is for `recipe: command`, not for curves; leave it out",
    "store: nowhere": "store is nowhere; it must be a tracking URI",
    "storage: s3:/x": "storage is s3:/x; it must be an absolute path or a URI",
    "brackets: 2": "brackets was removed",
    "name: twice": "key 'name' is given twice",
    "sampler: [tpe": "not valid YAML",
}
"""Lines that are added to a sound sweep file, and what the sentence about them has in it."""


@pytest.mark.parametrize("added", FIELDS)
def test_a_wrong_sweep_file(added: str, steadytune: Steadytune, places: dict[str, str], tmp_path: Path) -> None:
    lines = [f"{name}: {places.get(value, value)}" for name, value in SWEEP.items()]
    (tmp_path / "sweep.yaml").write_text("\n".join([*lines, added]) + "\n")
    check_sentence(steadytune, ["check", "sweep.yaml"], FIELDS[added])


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "a/b", "'name' is 'a/b'; it must be letters, digits"),
        ("name", "12", "'name' is 12; it must be text, in quotes if it looks like a number"),
        ("name", "x" * 100, "at most 64"),
        ("recipe", "[yolox]", "'recipe' is ['yolox']; it must be text"),
        ("recipe", "yolo11n", "recipe 'yolo11n' is a model of Ultralytics, not a recipe"),
        ("recipe", "nothing.at:All", "recipe 'nothing.at:All': nothing.at cannot be imported"),
        ("recipe", "json:dumps", "it must be a subclass of trainables.recipe.Recipe"),
        ("recipe", "':'", "recipe ':'"),
        ("preset", "tiny", "unknown preset 'tiny'; valid: long, short"),
        ("data", "/nowhere", "data is /nowhere; no such file or folder"),
        ("data", "3", "'data' is 3; it must be text"),
        ("data", "ftp://host/x", "data is ftp://host/x"),
    ],
)
def test_a_wrong_value_of_a_needed_field(
    field: str, value: str, words: str, steadytune: Steadytune, places: dict[str, str], tmp_path: Path
) -> None:
    values = {name: places.get(value, value) for name, value in SWEEP.items()} | {field: value}
    (tmp_path / "sweep.yaml").write_text("".join(f"{name}: {value}\n" for name, value in values.items()))
    check_sentence(steadytune, ["check", "sweep.yaml"], words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "recipe and data are missing"),
        (b"- a\n- b\n", "holds a list; it must be a YAML mapping"),
        (b"just words\n", "holds only a value; it must be a YAML mapping"),
        (bytes(range(256)), "sweep.yaml: is no UTF-8 text; save it as UTF-8"),
        (b"? [1]\n: 2\n", "a key must be one word"),
    ],
)
def test_a_file_that_is_no_sweep_file(content: bytes, words: str, steadytune: Steadytune, tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_bytes(content)
    check_sentence(steadytune, ["check", str(file)], words)
