"""The settings of a declared training: its epochs, its seed, and a field for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, create_model

from trainables.command.declaration import Parameter, same
from trainables.settings import Settings


class DeclaredSettings(Settings):
    """What every declared training has; the rest is declared. A parameter that is not passed is None."""

    epochs: int = Field(ge=1, description="epochs of the whole training")
    seed: int = Field(ge=0, description="seed of the training; a command passes it on as ${seed}")


def settings_type(parameters: Mapping[str, Parameter]) -> type[DeclaredSettings]:
    """The type of the settings of a training with these parameters."""
    fields: dict[str, Any] = {name: _field(parameter) for name, parameter in parameters.items()}
    return create_model("DeclaredSettings", __base__=DeclaredSettings, **fields)


def _field(parameter: Parameter) -> tuple[Any, Any]:
    kinds: dict[str, Any] = {"float": float, "int": int}
    kind = kinds.get(parameter.kind, bool | int | float | str)
    if parameter.choices is not None:
        kind = Annotated[kind, AfterValidator(_one_of(parameter.choices))]
    when = ", ".join(f"{name} is {_listed(wanted)}" for name, wanted in parameter.when.items())
    description = f"passed when {when}" if when else "passed to the training"
    return kind | None, Field(description=description)


def _one_of(choices: list[Any]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not any(same(value, choice) for choice in choices):
            raise ValueError(f"must be one of {choices}, not {value!r}")
        return value

    return check


def _listed(wanted: Any) -> str:
    return " or ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)
