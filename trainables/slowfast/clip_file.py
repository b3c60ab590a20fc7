"""HDF5 files of clips, read safely: they reach no other file, and take no more memory than they say.

HDF5 can have a data set's values in another file (external links, virtual data sets, raw storage), which `check` would
then read under the first one's name, and can stand for any size in a few bytes (chunks that were never written, or that
compress a thousandfold).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainables.errors import DataError
from trainables.limits import limits, variable
from trainables.regular_file import check_regular

MOST_UNPACKED = 100
"""Times a data set's bytes on disk that it may have unpacked, once it has more than `SMALL_BYTES`."""
SMALL_BYTES = 256 * 10**6


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """The HDF5 file, open for reading.

    Raises:
        DataError: no regular file, or it cannot be read as HDF5, then or within the block.
    """
    import h5py

    check_regular(file, "hdf5_bytes")
    try:
        with h5py.File(file, "r") as content:
            yield content
    except DataError:
        raise
    except Exception as error:  # h5py raises many kinds for damaged files
        reason = " ".join(str(error).split())
        raise DataError(f"{file}: cannot be read as HDF5 ({reason}); write it again") from None


def data_set(file: Path, content: Any, name: str, needed: str) -> Any:
    """The data set `name` in `content`, which is `file` opened.

    Args:
        file: for the complaint.
        content: from `opened`.
        name: of the data set.
        needed: what the file must hold, for the complaint.

    Raises:
        DataError: there is none, it holds nothing, its values are in another file or no numbers, or it is too large.
    """
    import h5py

    link = content.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise DataError(f"{file}: {name} is a link to the file {link.filename!r}; copy the data set into this file")
    if isinstance(link, h5py.SoftLink):
        raise DataError(f"{file}: {name} is a link to {link.path!r}; give the data set itself this name")
    values = content.get(name)
    if not isinstance(values, h5py.Dataset):
        raise DataError(f"{file}: data set {name!r} is missing; {needed}")
    if values.shape is None:
        raise DataError(f"{file}: data set {name!r} holds nothing; {needed}")
    if values.is_virtual or values.external:
        raise DataError(f"{file}: the values of {name} are in other files; copy them into this one")
    if values.dtype.kind not in "iuf":
        raise DataError(f"{file}: {name} is {values.dtype}; it must be numbers")
    if values.nbytes > limits().hdf5_bytes:
        raise DataError(
            f"{file}: {name} has {values.nbytes:,} bytes; at most {limits().hdf5_bytes:,} are read, so split it, or "
            f"raise {variable('hdf5_bytes')}"
        )
    _refuse_bomb(file, name, values)
    return values


def check_temperatures(file: Path, name: str, values: Any) -> None:
    """Whether the data set `name`, from `data_set`, may hold temperatures in Celsius. Raises DataError."""
    if values.dtype.kind != "f":
        raise DataError(
            f"{file}: {name} is {values.dtype}; it must be floating-point, in Celsius: whole numbers may be grey levels"
            " or hundredths of a kelvin"
        )


def _refuse_bomb(file: Path, name: str, values: Any) -> None:
    stored = values.id.get_storage_size()
    if values.nbytes > SMALL_BYTES and stored * MOST_UNPACKED < values.nbytes:
        raise DataError(
            f"{file}: {name} unpacks from {stored:,} bytes to {values.nbytes:,}; write the values that it stands for"
        )
