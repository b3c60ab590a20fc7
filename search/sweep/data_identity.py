"""Which data a sweep began with: their content, so that a resume notices other data, and the name that people use.

SWEEPS/NAME/data.json    the data set's name and manifest (`trainables.manifest`)

Digests of files are kept in the user's cache (`trainables.file_facts`), so a second look costs one `stat` per file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from search.sweep.spec import SweepSpec
from search.sweep.uri import is_uri
from trainables import atomic, manifest
from trainables.errors import DataError
from trainables.file_facts import cache_folder, file_facts
from trainables.json_file import read_json
from trainables.manifest import Manifest, Part, changes, joined, of_parts

FILE = "data.json"
WITHOUT_NAME = frozenset({"data", "dataset", "data_set", "annotations"})
"""Files and folders of these names are named after the folder above them."""


@dataclass(frozen=True)
class DataIdentity:
    """The data of a sweep.

    Attributes:
        name: what people call them; MLflow's experiment and model are named after it. It is "" in a sweep that version
            0.1.0 began, which keeps its old names.
        manifest: their content.
        earlier: fingerprints of the data before each change, if the user resumed the sweep with changed data.
    """

    name: str
    manifest: Manifest
    earlier: tuple[str, ...] = ()

    @property
    def first_fingerprint(self) -> str:
        """The fingerprint of the data that the sweep began with."""
        return (*self.earlier, self.manifest.fingerprint)[0]

    def write(self, folder: Path) -> None:
        """Write `FILE` into the sweep's `folder`."""
        content = {"name": self.name, "earlier": list(self.earlier), **manifest.dump(self.manifest)}
        atomic.write_file(folder / FILE, json.dumps(content, indent=0))


def read_identity(folder: Path) -> DataIdentity | None:
    """What `DataIdentity.write` wrote into a sweep's `folder`; None in a sweep that version 0.1.0 began.

    Raises:
        DataError: the file is damaged.
    """
    file = folder / FILE
    if not file.exists():
        return None
    content = read_json(file, "restore it from a copy")
    recorded = manifest.parse(content, file)
    earlier = content.get("earlier", [])
    if not isinstance(earlier, list):
        raise DataError(f"{file}: earlier is no list of fingerprints; restore it from a copy")
    return DataIdentity(str(content.get("name", "")), recorded, tuple(map(str, earlier)))


def describe(spec: SweepSpec, path: Path, opened: Any) -> DataIdentity:
    """The identity of data that a recipe has opened.

    Args:
        spec: the sweep.
        path: where the data are on this machine.
        opened: what `Recipe.open` returned.
    """
    name = data_name(spec.data, path.is_file()) if spec.data else spec.subject
    return DataIdentity(name, manifest_of(spec.data, path, opened))


def manifest_of(data: str, path: Path, opened: Any) -> Manifest:
    """The manifest of `data`, which a recipe has opened from `path`; empty for a script whose sweep names no data.

    The data of a user's own recipe may have no manifest. Then it holds their `fingerprint`, if they have one, and the
    file at `path`. For a folder without a fingerprint it holds only the path, since only the recipe knows which of its
    files are trained on.
    """
    manifest = getattr(opened, "manifest", None)
    if isinstance(manifest, Manifest):
        tracks = getattr(getattr(opened, "sequences", None), "manifest", None)
        return joined(manifest, tracks) if isinstance(tracks, Manifest) else manifest
    if not data:
        return Manifest({}, {})
    fingerprint = str(getattr(opened, "fingerprint", "") or "")
    if path.is_file():
        with file_facts() as facts:
            part = Part("", os.path.abspath(path), facts.digest(path), read_later=True)
        return of_parts({"fingerprint": fingerprint[:16]} if fingerprint else {}, [part])
    return Manifest({"fingerprint": fingerprint[:16]} if fingerprint else {"path": _location(data, path)}, {})


def _location(data: str, path: Path) -> str:
    """The path of a folder of unknown contents; of a download, its path below the cache.

    The cache may lie elsewhere on each machine, but a path below it depends only on the URI and its files.
    """
    cache = cache_folder() if is_uri(data) else None
    return os.path.relpath(path, cache) if cache else os.path.abspath(path)


def data_name(data: str, is_file: bool) -> str:
    """What people call a data set: its folder, or the file that describes it if that has a name of its own.

    >>> data_name("/datasets/cattle/data.yaml", is_file=True), data_name("/datasets/pigs", is_file=False)
    ('cattle', 'pigs')
    """
    if is_uri(data):
        parts = urlsplit(data)
        names = [parts.netloc, *parts.path.split("/")]
    else:
        names = os.path.abspath(data).split("/")
    names = [name for name in names if name]
    if is_file and names:
        names[-1] = Path(names[-1]).stem
    while len(names) > 1 and names[-1].lower() in WITHOUT_NAME:
        names.pop()
    return names[-1] if names else "data"


def resumed_with(
    sweep: str, data: str, began: DataIdentity | None, now: DataIdentity, accept_changed: bool
) -> tuple[DataIdentity, str]:
    """The data that a resumed sweep goes on with, and a note on them for the user, which may be "".

    Args:
        sweep: its name.
        data: as in `SweepSpec`.
        began: the data that the sweep began with; None if version 0.1.0 began it.
        now: the data as they are now.
        accept_changed: whether to go on even if the data have changed.

    Raises:
        DataError: the data have changed; it says how.
    """
    if began is None:
        unknown = "which kept no fingerprint of the data's content: whether they have changed since is not known"
        return replace(now, name=""), f"Sweep {sweep} was begun by an earlier version, {unknown}."
    if now.manifest.fingerprint == began.manifest.fingerprint:
        return replace(began, manifest=now.manifest), ""
    how = changes(began.manifest, now.manifest)
    if not accept_changed:
        raise DataError(
            f"data is {data}; since sweep {sweep} began: {how}; its results are of the earlier data, so restore them,"
            f" or launch a new sweep with warm_start: [{sweep}], which trains its best configurations first"
            " (resume --accept-changed-data goes on all the same, and mixes the two)"
        )
    # Checkpoints of a user's own recipe name the data by the recipe's fingerprint, not by that of the manifest.
    recipes_fingerprint = map(str, filter(None, [began.manifest.facts.get("fingerprint")]))
    earlier = tuple(dict.fromkeys((*began.earlier, began.manifest.fingerprint, *recipes_fingerprint)))
    note = f"The data have changed: {how}. Results from before are of other data; the confirmation is on these alone."
    return replace(began, manifest=now.manifest, earlier=earlier), note
