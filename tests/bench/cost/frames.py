"""What a frame of refdet costs that is not in memory, against one that is, at the size of the RefDet few-shot guide.

    nice python -m tests.bench.cost.frames FOLDER [--videos 5] [--frames 3500] [--annotated 3319] [--workers 0]

Writes videos of 1080p into FOLDER (about a minute each), of which so many frames are annotated, evenly spread. An epoch
is one of training episodes of the paper preset (n_way × n_query frames, colours and mirroring included) that draw as
many frames as there are annotated ones. All sides run in one process, one after the other; CPU seconds are of all its
threads.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainables.loop import seeded
from trainables.refdet.data import RefdetData, open_refdet
from trainables.refdet.episodes import draw
from trainables.refdet.frame_cache import FRAMES_BYTES, FrameCache
from trainables.refdet.frame_store import FrameStore
from trainables.refdet.loading import in_order
from trainables.refdet.recipe import Refdet
from trainables.refdet.settings import RefdetSettings

WIDTH, HEIGHT = 1920, 1080
DISK = 2**37
"""More than any of the frames take."""
PART = 400
"""Annotated frames of each of two videos that the side in memory draws from: 1 GB."""
GROUP = 250
"""Frames from one keyframe to the next: x264's default."""
SOUGHT = 40
"""Frames that are sought in the videos; each costs as much as any other."""


def write(folder: Path, videos: int, frames: int, annotated: int) -> Path:
    """A data set in the guide's layout: a drone flies over a picture. Returns its folder."""
    from PIL import Image

    for split, count in (("train", videos), ("test", 2)):
        entries = []
        for index in range(count):
            name = f"{split}_{index}"
            sample = folder / split / "samples" / name
            (sample / "object_images").mkdir(parents=True, exist_ok=True)
            random = np.random.default_rng([index, count])
            Image.fromarray(random.integers(0, 255, (252, 252, 3), dtype=np.uint8)).save(sample / "object_images/0.png")
            small = Image.fromarray(random.integers(0, 255, (68, 120, 3), dtype=np.uint8))
            ground = np.array(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
            length = frames if split == "train" else 8
            film(sample / "drone_video.mp4", ground, length)
            chosen = np.linspace(0, length - 1, min(annotated, length)).astype(int).tolist()
            boxes = [{"frame": at, "x1": 9, "y1": 9, "x2": 99, "y2": 99} for at in chosen]
            entries.append({"video_id": name, "annotations": [{"bboxes": boxes}]})
        annotations = folder / split / "annotations"
        annotations.mkdir(parents=True, exist_ok=True)
        (annotations / "annotations.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def film(path: Path, ground: np.ndarray, length: int) -> None:
    """A video of so many frames: one group of pictures is encoded, and written again until it is long enough."""
    import av

    with av.open(str(path), "w") as container:
        options = {"preset": "veryfast", "g": str(GROUP), "bf": "0", "sc_threshold": "0"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        packets = []
        for number in range(min(GROUP, length)):
            picture = np.roll(ground, (number, 2 * number), axis=(0, 1))  # all pixels change
            packets += stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
        packets += stream.encode()
        coded = [(bytes(packet), packet.is_keyframe, packet.time_base) for packet in packets]
        for number in range(length):
            content, is_keyframe, time_base = coded[number % len(coded)]
            packet = av.Packet(content)
            packet.stream, packet.time_base, packet.is_keyframe = stream, time_base, is_keyframe
            packet.pts = packet.dts = round(number / 25 / time_base)
            container.mux(packet)


class Side(NamedTuple):
    """What was timed: so many frames, in seconds of CPU and of the clock."""

    name: str
    frames: int
    cpu: float
    wall: float

    def __add__(self, other: object) -> Side:
        assert isinstance(other, Side)
        return Side(other.name, self.frames + other.frames, self.cpu + other.cpu, self.wall + other.wall)


def timed(name: str, data: RefdetData, settings: RefdetSettings, episodes: Sequence[int]) -> Side:
    """Draw `episodes` by their numbers."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in in_order(
        lambda index: draw(data, settings, settings.n_way, settings.n_query, np.random.default_rng(episodes[index])),
        len(episodes),
        settings.num_workers,
    ):
        pass
    frames = len(episodes) * settings.n_way * settings.n_query
    return Side(name, frames, time.process_time() - cpu, time.perf_counter() - wall)


def cached(data: RefdetData, memory: int, disk: int, folder: Path) -> RefdetData:
    """The same data with nothing decoded yet."""
    frames = FrameCache((*data.train, *data.val), memory, FrameStore(disk, folder))
    return RefdetData(data.train, data.val, frames, data.manifest)


def sides(data: RefdetData, folder: Path, workers: int) -> Iterator[Side]:
    """The frames in memory first, then what a training does, then a training without room."""
    settings = Refdet().settings("paper", {"num_workers": workers}, "stage-2")
    per_episode = settings.n_way * settings.n_query
    clips = [replace(clip, boxes={at: clip.boxes[at] for at in clip.frames[:PART]}) for clip in data.train[:2]]
    part = cached(replace(data, train=tuple(clips)), DISK, 0, folder)
    of_part = range(2 * PART // per_episode)
    timed("", part, settings, of_part)
    yield timed("in memory", part, settings, of_part)

    training = cached(data, FRAMES_BYTES, DISK, folder)
    episodes = range(sum(len(clip.frames) for clip in data.train) // per_episode)
    begun = episodes[: settings.n_episodes]
    first = timed(f"2 GiB in memory, others on disk: the first {len(begun)} episodes", training, settings, begun)
    yield first
    yield first + timed("the first epoch, these included", training, settings, episodes[len(begun) :])
    yield timed("the second epoch", training, settings, episodes)

    sought = cached(data, 0, 0, folder)
    yield timed("sought each time", sought, settings, range(SOUGHT // per_episode))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=5)
    parser.add_argument("--frames", type=int, default=3500)
    parser.add_argument("--annotated", type=int, default=3319, help="frames of a video that are")
    parser.add_argument("--workers", type=int, default=0, help="threads that prepare episodes")
    args = parser.parse_args()
    if not args.folder.exists():
        write(args.folder, args.videos, args.frames, args.annotated)
    os.environ["STEADYTUNE_CACHE"] = str(args.folder / "facts")
    began = time.process_time()
    data = open_refdet(args.folder)
    opening = time.process_time() - began
    measured = []
    with seeded(0):
        for side in sides(data, args.folder, args.workers):
            print(side, flush=True)
            measured.append(side)
    annotated = sum(len(clip.frames) for clip in data.train)
    base = measured[0].cpu / measured[0].frames
    lines = [
        f"`python -m tests.bench.cost.frames FOLDER --videos {args.videos} --frames {args.frames} --annotated "
        f"{args.annotated} --workers {args.workers}`, {datetime.now(UTC):%Y-%m-%d}: {args.videos} videos of "
        f"{args.frames} frames of {WIDTH}x{HEIGHT}, {annotated} of them annotated; frames of 640 pixels with the paper "
        f"preset's augmentation. Opening the data set, which decodes each video once, took {opening:.0f} s of CPU.\n",
        "| frames | drawn | CPU s | wall s | CPU ms a frame | in those of memory |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for side in measured:
        frame_seconds = side.cpu / side.frames
        lines.append(
            f"| {side.name} | {side.frames} | {side.cpu:.1f} | {side.wall:.0f} "
            f"| {1e3 * frame_seconds:.1f} | {frame_seconds / base:.2f} |"
        )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
