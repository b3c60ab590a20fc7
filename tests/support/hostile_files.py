"""Writers of broken and hostile files, by what is wrong with each.

People met the kinds in yaml/pyyaml#235 (aliases), simplejson/simplejson#334 (depth), python-pillow/Pillow#8363 (text in
PNG), deepfates/memery#10 (pixels) and vitalif/grive2#136 (pipes).
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image

Make = Callable[[Path], object]


def pipe(file: Path) -> None:
    os.mkfifo(file)


def device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def sparse(file: Path) -> None:
    """12 GB that take no room."""
    file.touch()
    os.truncate(file, 12 * 10**9)


def folder(file: Path) -> None:
    file.mkdir()


def dangling(file: Path) -> None:
    file.symlink_to("nowhere")


def text(content: str | bytes) -> Make:
    return lambda file: file.write_bytes(content if isinstance(content, bytes) else content.encode())


LFS = text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 123456\n")
"""What Git puts in the place of a file that Git LFS has not fetched (git-lfs/git-lfs#4240)."""
SPECIAL: dict[str, Make] = {"a pipe": pipe, "a device": device, "a sparse file of 12 GB": sparse}

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML: dict[str, Make] = SPECIAL | {
    "aliases that stand for 10^9 values (billion laughs)": text(LAUGHS),
    "lists 100,000 deep": text("[" * 100_000),
    "a mapping 1,000 deep": text("".join(" " * depth + "a:\n" for depth in range(1000))),
    "a number of 5,000 digits": text("nc: " + "9" * 5000),
    "an alias of the value that it is in": text("names: &a [*a]"),
    "half of a surrogate pair": text('names: ["\\ud800"]'),
    "a date that is none": text("train: 2001-99-99"),
    "a Python object": text("train: !!python/object/apply:os.system [ls]"),
    "no UTF-8": text(b"names: [caf\xe9]"),
    "not fetched by Git LFS": LFS,
    "zero bytes": text(b"\x00" * 100),
    "a key twice": text("nc: 1\nnc: 2\n"),
}
COCO: dict[str, Make] = SPECIAL | {
    "lists 100,000 deep": text("[" * 100_000),
    "a number of 5,000 digits": text('{"images": [{"id": ' + "9" * 5000 + "}]}"),
    "half of a surrogate pair": text('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "\\ud800"}]}'),
    "half of it": text('{"images": [{"id": 1'),
    "not fetched by Git LFS": LFS,
    "a list": text("[]"),
    "a key twice": text('{"images": [], "annotations": [], "images": [], "categories": []}'),
    "no UTF-8": text(b'{"images": "caf\xe9"}'),
    "90 million values": text(b"[" + b"1," * 90_000_000 + b"1]"),
}
ENTRIES: dict[str, Make] = {"a folder": folder, "a link to nothing": dangling, "not fetched by Git LFS": LFS}
LABELS: dict[str, Make] = SPECIAL | ENTRIES
LEFT_OUT: dict[str, Make] = {
    "a number of 5,000 digits": text("0 .5 .5 .1 " + "9" * 5000),
    "not a number": text("0 .5 .5 nan .2"),
    "no UTF-8": text(b"0 .5 .5 .1 .2 \xff"),
    "a class beyond the names": text("7 .5 .5 .1 .2"),
    "five values and a half": text("0 .5 .5 .1 .2 .3"),
    "a box outside": text("0 1.5 .5 .1 .2"),
}


def png(width: int, height: int, rows: bytes, *, depth: int = 1, chunks: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunks + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def cut(kind: str) -> Make:
    def make(file: Path) -> None:
        content = io.BytesIO()
        Image.effect_noise((400, 240), 60).convert("RGB").save(content, kind)
        file.write_bytes(content.getvalue()[: len(content.getvalue()) // 2])

    return make


IMAGES: dict[str, Make] = SPECIAL | ENTRIES
UNDECODABLE: dict[str, Make] = {
    "a PNG that unpacks to 900 million pixels": text(png(30_000, 30_000, zlib.compress(bytes(3751) * 30_000))),
    "a PNG that says it has 10^18 pixels": text(png(2**30, 2**30, b"")),
    "half of a JPEG": cut("JPEG"),
    "half of a PNG": cut("PNG"),
    "half of a WebP": cut("WEBP"),
    "half of a TIFF": cut("TIFF"),
    "an empty file": text(b""),
    "words": text("hello"),
    "PostScript": text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\nshowpage\n"),
}


def bomb(file: Path) -> None:
    """A checkpoint of 4 MB whose one tensor unpacks to 4 GB."""
    torch.save({"weight": torch.zeros(1)}, file)
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: archive.read(member) for member in archive.infolist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if not name.endswith("data/0"):
                archive.writestr(name, content)
        with archive.open(next(name for name in members if name.endswith("data/0")), "w", force_zip64=True) as data:
            for _ in range(4000):
                data.write(bytes(10**6))


def half_an_archive(file: Path) -> None:
    torch.save({"a": torch.zeros(1000)}, file)
    os.truncate(file, 2000)


WEIGHTS: dict[str, Make] = SPECIAL | {
    "an archive that unpacks to 4 GB": bomb,
    "a tensor of 10^14 numbers that has 4 bytes": lambda file: torch.save(
        {"weight": torch.zeros(1).expand(10**7, 10**7)}, file
    ),
    "words": text("hello"),
    "half of an archive": half_an_archive,
}


def clips(write: Callable[[h5py.File, Path], object]) -> Make:
    """An HDF5 file with labels, whose frames `write` writes."""

    def make(file: Path) -> None:
        with h5py.File(file, "w") as content:
            content["labels"] = np.zeros(3, int)
            write(content, file)

    return make


def other(file: Path) -> Path:
    """Another HDF5 file beside `file`, with frames in it."""
    path = file.with_name("other.h5")
    with h5py.File(path, "w") as content:
        content["frames"] = np.zeros((3, 4, 3, 5), "f4")
    return path


def virtual(content: h5py.File, file: Path) -> None:
    layout = h5py.VirtualLayout((3, 4, 3, 5), "f4")
    layout[:] = h5py.VirtualSource(str(other(file)), "frames", (3, 4, 3, 5))
    content.create_virtual_dataset("frames", layout)


LARGE = (3, 64, 4000, 4000)
HDF5: dict[str, Make] = SPECIAL | {
    "no HDF5": text("hello"),
    "a link to another file": clips(
        lambda content, file: content.__setitem__("frames", h5py.ExternalLink(str(other(file)), "frames"))
    ),
    "a virtual data set": clips(virtual),
    "raw storage in another file": clips(
        lambda content, file: content.create_dataset("frames", (3, 4, 3, 5), "f4", external=[("/etc/passwd", 0, 720)])
    ),
    "chunks that were never written": clips(
        lambda content, file: content.create_dataset("frames", LARGE, "f4", chunks=(1, 1, 400, 400), fillvalue=20)
    ),
    "a data set that holds nothing": clips(
        lambda content, file: content.create_dataset("frames", data=h5py.Empty("f4"))
    ),
    "words in place of numbers": clips(lambda content, file: content.create_dataset("frames", data=["a", "b", "c"])),
}
MAPPING: dict[str, Make] = SPECIAL | {
    "objects 100,000 deep": text('{"a":' * 100_000),
    "a class twice": text('{"sitting": 0, "standing": 1, "sitting": 0}'),
}


def playlist(file: Path) -> None:
    file.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n")


def video(frames: int) -> bytes:
    """A video of JPEG pictures, 64 by 48 pixels."""
    import av

    content = io.BytesIO()
    with av.open(content, "w", format="mov") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuvj420p")))
        container.mux(stream.encode(None))
    return content.getvalue()


def claimed(file: Path) -> None:
    """A video whose pictures say that they have 20,000 by 20,000 pixels."""
    size = struct.pack(">BHH", 8, 48, 64)  # as in a JPEG's header
    assert size in video(3)
    file.write_bytes(video(3).replace(size, struct.pack(">BHH", 8, 20_000, 20_000)))


VIDEOS: dict[str, Make] = SPECIAL | {
    "a playlist that names another file": playlist,
    "a list of files to join": text("ffconcat version 1.0\nfile /etc/passwd\n"),
    "half of a video": lambda file: file.write_bytes(video(30)[:-900]),
    "no frame": lambda file: file.write_bytes(video(0)),
    "words": text("hello"),
    "frames of 20,000 by 20,000 pixels": claimed,
}
