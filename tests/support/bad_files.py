"""Broken and hostile files, and the sentence that each ends in: `python -m tests.support.bad_files [--write]`.

Each file is opened under a bound of memory and of time. Without `--write` one JSON line is printed for each; with it
the sentences are written into the table of `docs/bad-input.md`, which a test compares with the real ones.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import resource
import signal
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import h5py
import numpy as np
import torch
import yaml
from PIL import Image

from tests.support import REPOSITORY
from trainables.errors import SteadytuneError
from trainables.file_facts import FileFacts
from trainables.limits import Limits, variable
from trainables.vision.findings import Finding, Findings

PAGE = REPOSITORY / "docs" / "bad-input.md"
BEGIN = "<!-- Written by `python -m tests.support.bad_files --write`; do not edit. -->"
END = "<!-- End of the sentences. -->"
MEMORY_BYTES = 500 * 10**6
SECONDS = 30
"""After which a file counts as a hang. Each takes well under a second on an idle machine."""

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
    "zero bytes": text(b"\x00" * 100),
    "a key twice": text("nc: 1\nnc: 2\n"),
}
COCO: dict[str, Make] = SPECIAL | {
    "lists 100,000 deep": text("[" * 100_000),
    "a number of 5,000 digits": text('{"images": [{"id": ' + "9" * 5000 + "}]}"),
    "half of a surrogate pair": text('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "\\ud800"}]}'),
    "half of it": text('{"images": [{"id": 1'),
    "a list": text("[]"),
    "no UTF-8": text(b'{"images": "caf\xe9"}'),
    "90 million values": text(b"[" + b"1," * 90_000_000 + b"1]"),
}
LABELS: dict[str, Make] = SPECIAL | {"a folder": folder, "a link to nothing": dangling}
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


IMAGES: dict[str, Make] = SPECIAL | {"a folder": folder, "a link to nothing": dangling}
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
    "words in place of numbers": clips(lambda content, file: content.create_dataset("frames", data=["a", "b", "c"])),
}
MAPPING: dict[str, Make] = SPECIAL | {"objects 100,000 deep": text('{"a":' * 100_000)}


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


@dataclass(frozen=True)
class Reader:
    """What reads one kind of file.

    Attributes:
        title: of the kind, for the page.
        name: of the file.
        cases: what is wrong with it.
        read: reads the file, or what it belongs to.
    """

    title: str
    name: str
    cases: dict[str, Make]
    read: Callable[[Path], object]


def _open_yolo(file: Path) -> object:
    from trainables.resnet_yolo.data import open_yolo

    return open_yolo(file)


def _check(file: Path) -> object:
    from search.sweep.spec import read_spec
    from trainables.settings import read_yaml

    return read_spec(read_yaml(file), str(file))


def _open_coco(file: Path) -> object:
    from trainables.vision.coco_layout import read_split

    return read_split(file.parent.parent, "train", Findings(), FileFacts(None))


def _labels(file: Path) -> object:
    from trainables.vision.label_file import read_labels

    findings = Findings()
    labels = read_labels(str(file), 3, findings, FileFacts(None))
    return labels if labels is not None else next(iter(findings))


def _image(file: Path) -> object:
    from trainables.vision.decode import decode
    from trainables.vision.image_facts import image_facts

    known = image_facts(file, FileFacts(None))
    if known.why:
        decode(file)
    return known


def _list(file: Path) -> object:
    data = file.with_name("data.yaml")
    data.write_text(yaml.safe_dump({"train": file.name, "val": file.name, "names": ["a"]}))
    return _open_yolo(data)


def _weights(file: Path) -> object:
    from trainables.vision.first_weights import read_weights

    fix = "give a state dict of this model"
    return read_weights(file, f"yolox: weights {file}", missing=fix, broken=fix)


def _pickled(file: Path) -> object:
    from trainables.vision.first_weights import check_state_dict, read_weights
    from trainables.vision.weights_only import load_pickled, weights_in

    fix = "give an Ultralytics .pt file"
    saved = read_weights(file, f"rgbt: weights {file}", missing=fix, broken=fix, load=load_pickled)
    return check_state_dict(weights_in(saved), f"rgbt: weights {file}")


def _clips(file: Path) -> object:
    from trainables.slowfast.data import open_thermal

    mapping = file.parent / "annotations" / "class_mapping.json"
    mapping.parent.mkdir(exist_ok=True)
    mapping.write_text('{"standing": 0}')
    return open_thermal(file.parent)


def _mapping(file: Path) -> object:
    from trainables.slowfast.data import open_thermal

    return open_thermal(file.parent.parent)


def _video(file: Path) -> object:
    from trainables.refdet.video import probe

    return probe(file, FileFacts(None))


READERS = (
    Reader("A sweep file", "sweep.yaml", YAML, _check),
    Reader("A data YAML", "data.yaml", YAML, _open_yolo),
    Reader("A list of images", "train.txt", SPECIAL | {"no UTF-8": text(b"caf\xe9.jpg\n")}, _list),
    Reader("A label file: the data set is refused", "labels/a.txt", LABELS, _labels),
    Reader("A label file: its image is left out, as Ultralytics does", "labels/a.txt", LEFT_OUT, _labels),
    Reader("A COCO file", "annotations/instances_train.json", COCO, _open_coco),
    Reader("An image: the data set is refused", "images/a.png", IMAGES, _image),
    Reader("An image: YOLO's layout leaves it out, COCO's is refused", "images/a.png", UNDECODABLE, _image),
    Reader("Weights, and checkpoints", "weights.pt", WEIGHTS, _weights),
    Reader("Weights of Ultralytics", "yolo26n.pt", SPECIAL | {"an archive that unpacks to 4 GB": bomb}, _pickled),
    Reader("Thermal clips", "train.h5", HDF5, _clips),
    Reader("Their class mapping", "annotations/class_mapping.json", MAPPING, _mapping),
    Reader("A video", "samples/Backpack_0/drone_video.mp4", VIDEOS, _video),
)


@dataclass(frozen=True)
class Outcome:
    """What a bad file led to: a sentence, the most memory that it took in bytes, and the time."""

    title: str
    case: str
    sentence: str
    memory: int
    seconds: float


def outcomes() -> Iterator[Outcome]:
    """Open every bad file, each under the bound of memory; a hang kills this process.

    Raises:
        Exception: whatever a reader raised that is not a sentence for the user.
    """
    for reader in READERS:
        for case, make in reader.cases.items():
            with tempfile.TemporaryDirectory() as temporary:
                file = Path(temporary) / "DATA" / reader.name
                file.parent.mkdir(parents=True)
                make(file)
                start = time.perf_counter()
                with bounded() as taken:
                    sentence = _sentence(reader, file)
                yield Outcome(
                    reader.title,
                    case,
                    sentence.replace(temporary, "").removeprefix("/DATA/").replace("/DATA/", ""),
                    taken(),
                    time.perf_counter() - start,
                )


def _sentence(reader: Reader, file: Path) -> str:
    try:
        result = reader.read(file)
    except SteadytuneError as error:
        return str(error)
    assert isinstance(result, Finding), f"{file}: was read"
    return str(result)


@contextmanager
def bounded() -> Iterator[Callable[[], int]]:
    """In the block this process may take `MEMORY_BYTES` more than it has; gives the most that it had."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the most that it had before
    before = _status("VmRSS")
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + MEMORY_BYTES, limits[1]))
    signal.alarm(SECONDS)
    try:
        yield lambda: _status("VmHWM") - before
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def written(rows: list[Outcome]) -> str:
    """The text of the page with these sentences between its two markers."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = []
    for title in dict.fromkeys(row.title for row in rows):
        lines += ["", f"## {title}", "", "| the file is | what is said |", "| --- | --- |"]
        lines += [f"| {row.case} | {_escaped(row.sentence)} |" for row in rows if row.title == title]
    lines += ["", "## Limits", "", "| variable | default | limit on the |", "| --- | --- | --- |"]
    for limit in fields(Limits):
        lines.append(f"| `{variable(limit.name)}` | {limit.default:,} | {limit.metadata['description']} |")
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{after}"


def _escaped(sentence: str) -> str:
    return re.sub(r"([\\|*_<])", r"\\\1", sentence)


def main() -> None:
    """Print the outcomes as JSON lines, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the sentences into the page")
    if parser.parse_args().write:
        PAGE.write_text(written(list(outcomes())), encoding="utf-8")
        return
    for outcome in outcomes():
        print(json.dumps(vars(outcome)), flush=True)


if __name__ == "__main__":
    main()
