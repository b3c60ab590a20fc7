"""The one reader of files that `torch.save` wrote: nothing in them is run or takes more memory than the file has bytes.

torch writes a zip archive whose members are stored as they are. Its reader would also unpack compressed ones, or the
same bytes many times over, as a decompression bomb has them. A tensor may repeat one number by strides of 0.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from trainables.errors import CheckpointError
from trainables.limits import limits
from trainables.regular_file import check_regular


def check_archive(file: Path) -> None:
    """Refuse a file that is no ordinary one, too large, or unpacks to more bytes than it has.

    Raises:
        DataError: no regular file, or larger than the limit.
        CheckpointError: a zip archive that is compressed, or whose members overlap.
    """
    size = check_regular(file, "checkpoint_bytes").st_size
    if not zipfile.is_zipfile(file):
        return  # of before torch 1.6: its storages are read from the file one after the other
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise CheckpointError(f"{file}: is damaged ({error}); use another one") from None
    unpacked = sum(member.file_size for member in members)
    if unpacked > min(size, limits().checkpoint_bytes):
        raise CheckpointError(
            f"{file}: has {size:,} bytes but unpacks to {unpacked:,}, unlike what torch writes; use another one"
        )


def load_torch(file: Path) -> Any:
    """What `torch.save` wrote to `file`, for the CPU; code in the file is not run.

    Raises:
        Exception: what `check_archive` and `check_tensors` raise, or torch for a broken file.
    """
    check_archive(file)
    loaded = torch.load(file, map_location="cpu", weights_only=True)
    check_tensors(loaded, file)
    return loaded


def check_tensors(loaded: Any, file: Path) -> None:
    """Refuse a tensor that stands for more bytes than the file has for it.

    Raises:
        CheckpointError: there is one in `loaded`, or in its dictionaries, lists or tuples.
    """
    if isinstance(loaded, torch.Tensor):
        size = loaded.numel() * loaded.element_size()
        if loaded.layout == torch.strided and size > loaded.untyped_storage().nbytes():
            shape = "x".join(map(str, loaded.shape))
            raise CheckpointError(
                f"{file}: holds a tensor of {shape} numbers, for which it has {loaded.untyped_storage().nbytes():,} "
                "bytes; use another one, or save clones of its tensors"
            )
    elif isinstance(loaded, (dict, list, tuple)):
        for part in loaded.values() if isinstance(loaded, dict) else loaded:
            check_tensors(part, file)
