"""Broken and hostile files, and the sentence that each ends in: `python -m tests.support.bad_files [--write]`.

Each file is opened under a bound of memory and of time. Without `--write` one JSON line is printed for each; with it
the sentences are written into the table of `docs/bad-input.md`, which a test compares with the real ones.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from tests.support import REPOSITORY
from tests.support.hostile_files import (
    COCO,
    HDF5,
    IMAGES,
    LABELS,
    LEFT_OUT,
    MAPPING,
    SPECIAL,
    UNDECODABLE,
    VIDEOS,
    WEIGHTS,
    YAML,
    Make,
    bomb,
    text,
)
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

    image = image_facts(file, FileFacts(None))
    if image.why:
        decode(file)
    return image


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
