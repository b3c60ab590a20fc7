"""What a training reads of a data set, by content: by it two data sets are told apart, and their differences named.

A place, a file's time and what is not trained on (a README, a test split) do not count. Names count: they say which
labels are a picture's, and in which order pictures are read. Every byte of a picture or a video counts, since all of it
is read anyway before the first epoch, and a sample of blocks would miss what tools change in place. Labels and clips
count by their values: the same ones written in another way, such as with other line ends, are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from trainables.errors import DataError, first_few
from trainables.file_facts import IMAGE, FileFacts, file_facts, stamp_of

FORMAT = "v2-"
"""Begins every fingerprint. Those of version 0.1.0 have no such beginning; they did not cover the pictures."""
NAMED = 3
"""Parts of each kind of change that a sentence names."""


class Part(NamedTuple):
    """A file that is trained on, or what was read of it.

    Attributes:
        split: such as "train"; "" if that is in the path.
        file: its absolute path.
        digest: SHA-256 of its bytes, or of the values that were read, as hexadecimal digits.
        section: which of several parts of the file it is, such as "clip 3"; "" for the file as a whole.
        read_later: whether the file is read during training, so that it may have changed by then.
    """

    split: str
    file: str
    digest: str
    section: str = ""
    read_later: bool = False


@dataclass(frozen=True)
class Manifest:
    """All that a training takes from a data set.

    Attributes:
        facts: what belongs to no single picture, by name, such as the class names; of types that JSON has.
        parts: digests by name: the split, and the path below the folder that all files have in common.
        later: where the files are that are read during training, by the same names. Not compared.
    """

    facts: Mapping[str, Any]
    parts: Mapping[str, str]
    later: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def fingerprint(self) -> str:
        """`FORMAT` and SHA-256 over facts and parts: equal data have an equal one, wherever they are."""
        content = json.dumps([self.facts, self.parts], sort_keys=True)  # escaped, as names may be no valid text
        return FORMAT + hashlib.sha256(content.encode()).hexdigest()

    def again(self) -> Manifest:
        """The same, with the files that are read during training as they are now: a `stat` of each that is unchanged.

        Raises:
            DataError: a file is there, but cannot be read.
        """
        parts = dict(self.parts)
        with file_facts() as facts:
            for name, file in self.later.items():
                if os.path.exists(file):
                    parts[name] = _digest(file, facts)
                else:
                    del parts[name]
        return Manifest(self.facts, parts, self.later)


def of_parts(facts: Mapping[str, Any], parts: Iterable[Part]) -> Manifest:
    """The manifest of a data set whose parts were read."""
    parts = list(parts)
    folders = {os.path.dirname(part.file) for part in parts}
    start = len(os.path.commonpath(folders).rstrip("/")) + 1 if folders else 0
    names = [" ".join(filter(None, (part.split, part.file[start:], part.section))) for part in parts]
    later = {name: part.file for name, part in zip(names, parts, strict=True) if part.read_later}
    return Manifest(facts, {name: part.digest for name, part in zip(names, parts, strict=True)}, later)


def joined(manifest: Manifest, other: Manifest) -> Manifest:
    """Both in one; their facts and parts have different names, or those of `other` count."""
    return Manifest(
        {**manifest.facts, **other.facts}, {**manifest.parts, **other.parts}, {**manifest.later, **other.later}
    )


def values_digest(*values: bytes) -> str:
    """The digest of values that were read, given as their bytes."""
    return hashlib.sha256(b"".join(values)).hexdigest()


def _digest(file: str, facts: FileFacts) -> str:
    """SHA-256 of a file that was read before, as a picture or otherwise."""
    as_picture = facts.recall(file, IMAGE, stamp_of(os.stat(file)))
    return as_picture[:32].hex() if as_picture else facts.digest(Path(file))


@dataclass(frozen=True)
class Changes:
    """How a data set differs from what it was.

    Attributes:
        facts: one sentence for each fact that differs.
        changed, added, removed, renamed: names of parts; a renamed one has its old name here.
    """

    facts: tuple[str, ...]
    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[str, ...]

    def __bool__(self) -> bool:
        return any((self.facts, self.changed, self.added, self.removed, self.renamed))

    def __str__(self) -> str:
        kinds = (("changed", self.changed), ("added", self.added), ("removed", self.removed), ("renamed", self.renamed))
        return ", ".join([*(_counted(kind, names) for kind, names in kinds if names), *self.facts])


def changes(before: Manifest, now: Manifest) -> Changes:
    """What has changed from `before` to `now`."""
    common = before.parts.keys() & now.parts.keys()
    removed, added = (sorted(mapping.keys() - common) for mapping in (before.parts, now.parts))
    arrived = Counter(now.parts[name] for name in added)
    renamed = [name for name in removed if _taken(arrived, before.parts[name])]
    departed = Counter(before.parts[name] for name in renamed)
    return Changes(
        facts=tuple(_facts(before.facts, now.facts)),
        changed=tuple(sorted(name for name in common if before.parts[name] != now.parts[name])),
        added=tuple(name for name in added if not _taken(departed, now.parts[name])),
        removed=tuple(sorted(set(removed) - set(renamed))),
        renamed=tuple(renamed),
    )


def _taken(digests: Counter[str], digest: str) -> bool:
    """Take `digest` out of `digests`, if it is there; whether it was."""
    if digests[digest] < 1:
        return False
    digests[digest] -= 1
    return True


def _facts(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        old_value, new_value = before.get(name), now.get(name)
        if old_value != new_value:
            yield f"{name}: {_text(old_value)} before, {_text(new_value)} now"


def _text(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _counted(kind: str, names: Sequence[str]) -> str:
    return f"{len(names):,} {kind} ({first_few(names, NAMED)})"


def dump(manifest: Manifest) -> dict[str, Any]:
    """`manifest` without the places of files, for JSON."""
    return {"fingerprint": manifest.fingerprint, "facts": dict(manifest.facts), "parts": dict(manifest.parts)}


def parse(content: Any, owner: Path) -> Manifest:
    """The manifest that `dump` gave.

    Raises:
        DataError: `content`, from the file `owner`, is something else.
    """
    facts, parts = (content.get(key) if isinstance(content, dict) else None for key in ("facts", "parts"))
    if not isinstance(facts, dict) or not isinstance(parts, dict):
        raise DataError(f"{owner}: holds no facts and parts of a data set; restore it from a copy, or delete it")
    return Manifest(facts, {str(name): str(digest) for name, digest in parts.items()})
