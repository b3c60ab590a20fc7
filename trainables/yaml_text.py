"""The one reader of YAML: as people write it, and safe for text that comes from anywhere.

Safe is: nothing in it is run; it is not nested deeper, and does not stand for more values by its aliases, than a limit;
a number of thousands of digits, a date that is none, or half of a surrogate pair is a sentence that names the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from trainables.errors import SettingsError, first_line
from trainables.limits import limits, variable

IN_PLAIN_WORDS = {
    "found character '\\t'": "a tab; use spaces",
    "mapping values are not allowed here": "a second ': ' in one value; quote the value, indent this line like those "
    "beside it, or give the line before its ': '",
    "could not find expected ':'": "the line before has no ': '; write `key: value`",
    "expected <block end>, but found '-'": "a list item among lines of `key: value`; indent it, or write `key: value`",
    "expected <block end>": "indented unlike the lines beside it; use as many spaces as they have",
    "expected '<document start>'": "indented unlike the lines beside it; use as many spaces as they have",
    "expected ',' or ']', but got '{'": "a '{' within brackets; put a value such as ${data} in quotes, or add the ','",
    "expected ',' or '}', but got '{'": "a '{' within braces; put a value such as ${run_dir} in quotes, or add the ','",
    "expected ',' or ']'": "a '[' is not closed; add the ']'",
    "expected ',' or '}'": "a '{' is not closed; add the '}'",
    "found unexpected end of stream": "a quote is not closed; add the other one",
}
"""What PyYAML finds wrong with files that people write by hand, by the beginning of its words, and what to do."""
MOST_DEPTH = 50
"""Nested lists and mappings."""
MERGE = "tag:yaml.org,2002:merge"
"""Of the key `<<`, which stands for those of another mapping."""


class _SafeLoader(yaml.SafeLoader):
    """PyYAML's SafeLoader within limits, for which a key given twice is an error."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._counts: list[int] = []
        """How many values are in each of the nodes that are being read, the outermost first."""
        self._values_in: dict[int, int] = {}
        """By the id of a node that has been read."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        is_alias = self.check_event(yaml.AliasEvent)
        self._counts.append(1)
        if len(self._counts) > MOST_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested more than {MOST_DEPTH} deep", problem_mark=mark)
        node = super().compose_node(parent, index)
        count = self._counts.pop()
        if is_alias:
            if id(node) not in self._values_in:
                raise yaml.MarkedYAMLError(problem="an alias of the value that it is in", problem_mark=mark)
            count = self._values_in[id(node)]
        self._values_in[id(node)] = count
        most = limits().yaml_values
        if count > most or (self._counts and self._counts[0] + count > most):
            problem = f"with its aliases it holds more than {most:,} values, the limit {variable('yaml_values')}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        if self._counts:
            self._counts[-1] += count
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception as error:  # PyYAML's constructors raise what int, float, datetime and others raise
            problem = first_line(error).partition(";")[0]  # after it, advice for programmers
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from None
        if isinstance(value, str) and not value.isascii() and re.search("[\ud800-\udfff]", value):
            raise yaml.MarkedYAMLError(
                problem="half of a surrogate pair, which is no text", problem_mark=node.start_mark
            )
        return value


def _mapping_once(loader: _SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys: set[tuple[str, Any]] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be one word", problem_mark=key.start_mark)
        # `0` and `00`, `1` and `yes` are one key to Python, of which the last would count.
        spellings = {("as written", key.value)}
        if key.tag != MERGE:
            spellings.add(("as read", loader.construct_object(key)))
        if keys & spellings:
            raise yaml.MarkedYAMLError(problem=f"key {key.value!r} is given twice", problem_mark=key.start_mark)
        keys |= spellings
    return loader.construct_mapping(node, deep=True)


_SafeLoader.add_constructor("tag:yaml.org,2002:map", _mapping_once)


class _Loader(_SafeLoader):
    """The same with the floats of YAML 1.2 (`1e-3`), as people expect them in settings."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def scalars(text: str, key: str) -> Iterator[tuple[str, Any]]:
    """The single values in the list or mapping under `key`, each as it is written and as it is read.

    Args:
        text: the YAML of a mapping that `load` takes, with `exponents` false.
        key: of that mapping.
    """
    loader = _SafeLoader(text)
    root: Any = loader.get_single_node()
    for name, value in root.value:
        if name.value == key and not isinstance(value, yaml.ScalarNode):
            members = [member for _, member in value.value] if isinstance(value, yaml.MappingNode) else value.value
            for member in members:
                if isinstance(member, yaml.ScalarNode):
                    yield member.value, loader.construct_object(member)


def load(text: str, owner: str, exponents: bool = True) -> Any:
    """The value that `text` stands for.

    Args:
        text: YAML.
        owner: begins the complaint.
        exponents: whether `1e3` is a number, as in YAML 1.2. PyYAML, and so Ultralytics, takes it for text: a class of
            that name would become another.

    Raises:
        SettingsError: it is no valid YAML, or not safe to read; with the line.
    """
    try:
        return yaml.load(text, Loader=_Loader) if exponents else yaml.load(text, Loader=_SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = str(error.problem or error.context)
        words = next((plain for start, plain in IN_PLAIN_WORDS.items() if problem.startswith(start)), problem)
        raise SettingsError(f"{owner}{line}: not valid YAML ({words})") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{owner}: not valid YAML ({first_line(error)})") from None
