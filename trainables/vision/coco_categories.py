"""The classes of a COCO file: its categories in the order of their ids, as YOLOX's loader numbers them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainables.errors import DataError
from trainables.json_file import is_number
from trainables.vision.findings import Findings

NAMED_TWICE = "categories without an annotation that are called like another one"


def entry_id(file: Path, where: str, entry: Mapping[str, Any]) -> int | str:
    """An entry's own id: a whole number, or a text as some exports have it. Raises DataError."""
    value = entry.get("id")
    if isinstance(value, str):
        return value
    if not is_number(value) or value != int(value):
        raise DataError(f"{file}: {where}: id is {value!r}; it must be a whole number or a text")
    return int(value)  # tables write 1.0


def coco_categories(
    file: Path, entries: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]], findings: Findings
) -> tuple[dict[int | str, int], tuple[str, ...]]:
    """Class by category id, and the names.

    Args:
        file: for the complaint.
        entries: the file's categories.
        annotations: those of the file; of two categories of one name only one may have any.
        findings: a category that gets another name is added to these.

    Raises:
        DataError: an entry is wrong, or two classes that are annotated have one name.
    """
    named: dict[int | str, str] = {}
    for index, entry in enumerate(entries):
        where = f"categories[{index}]"
        number = entry_id(file, where, entry)
        if number in named:
            raise DataError(f"{file}: {where}: id {number} is given twice; every category needs its own")
        name = entry.get("name")
        if isinstance(name, bool) or not isinstance(name, (str, int, float)):
            raise DataError(f"{file}: {where}: name is {name!r}; it must be a text")
        named[number] = str(name)
    if not named:
        raise DataError(f"{file}: categories is empty; name at least one class")
    ids = (annotation.get("category_id") for annotation in annotations)
    used = {number for number in ids if isinstance(number, (int, float, str))}
    order = sorted(named, key=lambda number: (isinstance(number, str), number))
    names = _told_apart(file, {number: named[number] for number in order}, used, findings)
    return {number: index for index, number in enumerate(order)}, tuple(names)


def _told_apart(file: Path, named: Mapping[int | str, str], used: Collection[Any], findings: Findings) -> Sequence[str]:
    """The names in the order of `named`; one that is another one's too, and has no annotation, gets its id beside it.

    Roboflow's exports begin with a category that nothing is of, called like their group of classes, which may have the
    name of its only class.
    """
    names = dict(named)
    for name in dict.fromkeys(named.values()):
        members = [number for number, other in named.items() if other == name]
        annotated = [number for number in members if number in used]
        if len(annotated) > 1:
            raise DataError(
                f"{file}: categories: ids {annotated[0]!r} and {annotated[1]!r} are both called {name!r}; every class "
                "needs its own name, so rename one of them"
            )
        kept = annotated[0] if annotated else members[-1]
        for number in members:
            if number != kept:
                names[number] = f"{name} ({number})"
                detail = f"categories: id {number}, which no annotation has, is called {name!r} like id {kept}"
                findings.add(NAMED_TWICE, file, f"{detail}; read as {names[number]!r}")
    return [*names.values()]
