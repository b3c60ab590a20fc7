"""What a sweep file says about a training that is a command line: parameters, metric, checkpoint.

These are the fields of a sweep that `recipe: command` has and other recipes do not, `metric` apart.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from trainables.errors import SettingsError, nearest
from trainables.json_file import is_number
from trainables.objective import Metric
from trainables.settings import Settings


def _scalar(value: Any) -> Any:
    if isinstance(value, list):
        raise ValueError("must be one value; several to choose from are {choices: [a, b], default: a}")
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError("must be a number, true, false or a text, in quotes if it looks like a date or like nothing")
    return value


def _number(value: Any) -> Any:
    if not is_number(value):
        raise ValueError("must be a number, and finite")
    return value


def _words(value: Any) -> Any:
    return shlex.split(value) if isinstance(value, str) else value


Scalar = Annotated[Any, AfterValidator(_scalar)]
Number = Annotated[Any, AfterValidator(_number)]
Words = Annotated[list[str], BeforeValidator(_words)]
"""A list of arguments; a text is split as a shell would, but no shell runs it."""
NAME = re.compile(r"[A-Za-z][\w./-]{0,99}", re.ASCII)
RESERVED = {"epochs", "seed", "data", "run_dir", "checkpoint", "args", "args_file", "resume"}
"""Names that mean something else in a command line."""


class Parameter(Settings):
    """One value that the command line is given: bounds, choices, or a value that is not searched.

    A number is a whole one if all of `low`, `high` and `default` are written without a point.
    """

    low: Number | None = Field(None, description="lowest value, included")
    high: Number | None = Field(None, description="highest value, included")
    log: bool = Field(False, description="draw evenly on a logarithmic scale")
    choices: list[Scalar] | None = Field(None, description="the values to choose from, in place of bounds")
    value: Scalar | None = Field(None, description="the one value of a parameter that is not searched")
    default: Scalar | None = Field(None, description="the baseline's value")
    when: dict[str, Any] = Field(
        {}, description="choices of other parameters under which this one is drawn and passed at all"
    )
    flag: Literal["value", "bare"] = Field(
        "value", description="bare: true passes the name alone (--aug), false passes nothing"
    )
    args: str | None = Field(None, description="how this parameter is passed, in place of the sweep's `args`")

    @model_validator(mode="after")
    def _is_one_kind(self) -> Parameter:
        kinds = [self.low is not None or self.high is not None, self.choices is not None, self.value is not None]
        if sum(kinds) != 1:
            raise ValueError("must have low and high, or choices, or value, and only one of these")
        if kinds[0]:
            self._check_bounds()
        elif self.log:
            raise ValueError("log is for low and high; leave it out")
        if self.choices is not None and not self.choices:
            raise ValueError("choices is empty; give at least one value")
        if self.choices is not None and len({(type(choice), choice) for choice in self.choices}) < len(self.choices):
            raise ValueError(f"choices is {self.choices}; each value may be given once")
        if self.value is None and self.default is None:
            raise ValueError("default is missing; it is the baseline's value, which is trained first")
        if self.flag == "bare" and not all(isinstance(choice, bool) for choice in self.choices or [self.value]):
            raise ValueError("flag: bare is for true and false; give choices: [true, false]")
        self._check_default()
        return self

    def _check_bounds(self) -> None:
        if self.low is None or self.high is None:
            raise ValueError(f"{'low' if self.low is None else 'high'} is missing; give both bounds")
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}; low must be at most high")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}; a logarithmic range must begin above 0")

    def _check_default(self) -> None:
        if self.choices is not None and not any(same(self.default, choice) for choice in self.choices):
            raise ValueError(f"default is {self.default!r}; it must be one of {self.choices}")
        if self.low is not None and not is_number(self.default):
            raise ValueError(f"default is {self.default!r}; it must be a number")

    @property
    def kind(self) -> Literal["float", "int", "choice", "fixed"]:
        """What is drawn."""
        if self.value is not None:
            return "fixed"
        if self.choices is not None:
            return "choice"
        numbers = (self.low, self.high, self.default)
        return "int" if all(isinstance(number, int) for number in numbers) else "float"

    @property
    def baseline(self) -> Scalar:
        """Its value in the baseline."""
        chosen = self.default if self.value is None else self.value
        assert chosen is not None
        return float(chosen) if self.kind == "float" else chosen

    def active(self, values: Mapping[str, Any]) -> bool:
        """Whether it is passed along with these values of the other parameters."""
        return all(
            any(same(values.get(name), choice) for choice in (wanted if isinstance(wanted, list) else [wanted]))
            for name, wanted in self.when.items()
        )


def same(value: Any, other: Any) -> bool:
    """Equality under which True is not 1."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


class ArgumentsFile(Settings):
    """The parameters are written to a file, which the command is given as `${args_file}`."""

    file: str = Field(description="name of the file in the run's folder: .yaml, .json or .toml")
    base: str | None = Field(None, description="a file of the same kind whose other values are taken over")

    @field_validator("file")
    @classmethod
    def _has_a_format(cls, file: str) -> str:
        if not re.fullmatch(r"[\w.-]+\.(ya?ml|json|toml)", file):
            raise ValueError("must be a file's name that ends with .yaml, .json or .toml")
        return file


class ScriptCheckpoint(Settings):
    """Where the script writes its checkpoint, and how it goes on from one."""

    path: str = Field(description="file or folder, below ${run_dir}; the newest if it has a * and several match")
    resume: Words | None = Field(
        None, description="what is added to the command to go on from ${checkpoint}; without it no trial is paused"
    )
    every: int = Field(1, ge=1, description="epochs between two of the script's checkpoints")
    start: str | None = Field(
        None, description="the parameter that is the path of the checkpoint in which `starts_from`, or a stage, begins"
    )

    @field_validator("path")
    @classmethod
    def _is_below_the_run(cls, path: str) -> str:
        if not path.startswith("${run_dir}/") or ".." in path.split("/"):
            raise ValueError("must begin with ${run_dir}/, so that trials do not overwrite each other's")
        return path


class Stop(Settings):
    """How the script's processes are ended."""

    signal: Literal["SIGTERM", "SIGINT", "SIGKILL"] = Field("SIGTERM", description="what all of them are sent first")
    grace_seconds: float = Field(30.0, ge=0, description="time until those that remain are killed")
    finish_seconds: float = Field(
        600.0, ge=0, description="time that the script may take to end by itself after its last epoch"
    )


def _in_full(parameters: Any) -> Any:
    if not isinstance(parameters, Mapping):
        return parameters
    return {
        name: parameter if isinstance(parameter, (Mapping, Parameter)) else {"value": parameter}
        for name, parameter in parameters.items()
    }


Parameters = Annotated[dict[str, Parameter], BeforeValidator(_in_full)]
"""By name; a value alone is a parameter that is not searched."""


class Declaration(Settings):
    """A training that is a command line, complete."""

    command: Words = Field(min_length=1)
    args: str = "--{name}={value}"
    args_file: ArgumentsFile | None = None
    parameters: Parameters
    epochs: int = Field(ge=1)
    metric: Metric
    checkpoint: ScriptCheckpoint | None = None
    stop: Stop = Stop()
    ends_early: bool = False
    directory: str = ""

    @property
    def all_parameters(self) -> dict[str, Parameter]:
        """Each parameter in full, those that depend on others after them."""
        return in_order(self.parameters)

    @property
    def resumes(self) -> bool:
        """Whether a training can be paused and go on."""
        return self.checkpoint is not None and self.checkpoint.resume is not None


def in_order(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """`parameters`, those that depend on others after them.

    Raises:
        SettingsError: one depends on what is no choice of another, or two on each other.
    """
    ordered: dict[str, Parameter] = {}
    waiting = dict(parameters)
    while waiting:
        ready = [name for name, parameter in waiting.items() if parameter.when.keys() <= ordered.keys()]
        if not ready:
            raise SettingsError(f"parameters: {', '.join(waiting)} depend on each other in a circle; break it")
        for name in ready:
            ordered[name] = waiting.pop(name)
    return ordered


def check_parameters(parameters: Mapping[str, Parameter]) -> None:
    """Check names and conditions.

    Raises:
        SettingsError: a name that cannot be one, or a condition on a parameter that is not there or has no choices.
    """
    for name, parameter in parameters.items():
        where = f"parameters.{name}"
        if name in RESERVED:
            raise SettingsError(
                f"{where}: ${{{name}}} is something else in the command; give another name, with `args`"
            )
        if not NAME.fullmatch(name) or hasattr(Settings, name):
            raise SettingsError(
                f"{where}: cannot be a name here; take letters, digits, '_', '-', '.' and '/', and say under `args` "
                "what the script calls it"
            )
        for other, wanted in parameter.when.items():
            if other not in parameters:
                raise SettingsError(f"{where}.when.{other}: no such parameter; {nearest(other, parameters)}")
            choices = parameters[other].choices
            if choices is None:
                raise SettingsError(f"{where}.when.{other}: {other} has no choices, so nothing can depend on it")
            if wanted == []:
                raise SettingsError(
                    f"{where}.when.{other} is an empty list, so {name} would never be passed; name some"
                )
            for value in wanted if isinstance(wanted, list) else [wanted]:
                if not any(same(value, choice) for choice in choices):
                    raise SettingsError(f"{where}.when.{other} is {value!r}; it must be one of {choices}")
