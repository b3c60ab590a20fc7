"""The search space of parameters that a sweep file declares."""

from __future__ import annotations

from collections.abc import Mapping

from spaces.space import Draw, Space
from trainables.command.declaration import Parameter


def space_of(parameters: Mapping[str, Parameter]) -> Space:
    """A space that draws each searched one of `parameters`; those that depend on others come after them."""

    def space(draw: Draw) -> None:
        values = {name: parameter.baseline for name, parameter in parameters.items()}
        for name, parameter in parameters.items():
            if not parameter.active(values):
                values.pop(name)
            elif parameter.kind == "float":
                values[name] = draw.float(
                    name, float(parameter.low or 0), float(parameter.high or 0), log=parameter.log
                )
            elif parameter.kind == "int":
                values[name] = draw.int(name, int(parameter.low or 0), int(parameter.high or 0), log=parameter.log)
            elif parameter.choices is not None:
                values[name] = draw.choice(name, parameter.choices)

    return space
