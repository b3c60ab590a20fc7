"""What a frame of refdet costs that is not in memory, against one that is, at the size of the RefDet few-shot guide.

    nice python -m tests.bench.cost.frames FOLDER [--videos 2] [--frames 3500] [--every 2]

Writes videos of 1080p into FOLDER (about a minute each), annotated in every so many frames. An epoch is one of training
episodes of the paper preset (n_way × n_query frames, colours and mirroring included) that draw as many frames as there
are annotated ones. All sides run in one process, one after the other; CPU seconds are of all its threads.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from trainables.loop import seeded
from trainables.refdet.data import RefdetData, open_refdet
from trainables.refdet.episodes import draw
from trainables.refdet.frame_store import FrameStore
from trainables.refdet.loading import in_order
from trainables.refdet.recipe import Refdet
from trainables.refdet.settings import RefdetSettings
from trainables.refdet.video import FrameCache

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 1920, 1080
MEMORY = 2**37
"""More than any of the frames take."""
GROUP = 250
"""Frames from one keyframe to the next: x264's default."""
SOUGHT = 40
"""Frames that are sought in the videos; each costs as much as any other."""


def write(folder: Path, videos: int, frames: int, every: int) -> Path:
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
            boxes = [{"frame": at, "x1": 9, "y1": 9, "x2": 99, "y2": 99} for at in range(0, length, every)]
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


def epoch(data: RefdetData, settings: RefdetSettings, episodes: int) -> tuple[float, float]:
    """Draw an epoch of episodes; CPU and wall seconds a frame."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in in_order(
        lambda index: draw(data, settings, settings.n_way, settings.n_query, np.random.default_rng(index)),
        episodes,
        settings.num_workers,
    ):
        pass
    frames = episodes * settings.n_way * settings.n_query
    return (time.process_time() - cpu) / frames, (time.perf_counter() - wall) / frames


def rows(data: RefdetData, folder: Path, workers: int) -> Iterator[tuple[str, float, float]]:
    """Of each side: what it is, CPU and wall seconds a frame."""
    settings = Refdet().settings("paper", {"num_workers": workers}, "stage-2")
    clips = (*data.train, *data.val)
    annotated = sum(len(clip.frames) for clip in data.train)
    episodes = annotated // (settings.n_way * settings.n_query)

    def with_cache(memory: int, disk: int) -> RefdetData:
        return RefdetData(data.train, data.val, FrameCache(clips, memory, FrameStore(disk, folder)), data.manifest)

    in_memory = with_cache(MEMORY, 0)
    yield "in memory, first epoch", *epoch(in_memory, settings, episodes)
    yield "in memory, second epoch", *epoch(in_memory, settings, episodes)
    on_disk = with_cache(0, MEMORY)
    yield "on disk, first epoch", *epoch(on_disk, settings, episodes)
    yield "on disk, second epoch", *epoch(on_disk, settings, episodes)
    sought = with_cache(0, 0)
    yield "sought each time", *epoch(sought, settings, SOUGHT // (settings.n_way * settings.n_query))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=2)
    parser.add_argument("--frames", type=int, default=3500)
    parser.add_argument("--every", type=int, default=2, help="an annotated frame in so many")
    parser.add_argument("--workers", type=int, default=0, help="threads that prepare episodes")
    args = parser.parse_args()
    if not args.folder.exists():
        write(args.folder, args.videos, args.frames, args.every)
    data = open_refdet(args.folder)
    with seeded(0):
        measured = list(rows(data, args.folder, args.workers))
    base = measured[1][1]
    annotated = sum(len(clip.frames) for clip in data.train)
    lines = [
        f"# What a frame of refdet costs, {datetime.now(UTC):%Y-%m-%d}\n",
        f"`python -m tests.bench.cost.frames FOLDER --videos {args.videos} --frames {args.frames} --every {args.every} "
        f"--workers {args.workers}`: {args.videos} videos of {args.frames} frames of {WIDTH}x{HEIGHT}, {annotated} of "
        "them annotated; frames of 640 pixels with the paper preset's augmentation.\n",
        "| frames | CPU ms a frame | wall ms a frame | CPU, in those of memory |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {name} | {1e3 * cpu:.1f} | {1e3 * wall:.1f} | {cpu / base:.2f} |" for name, cpu, wall in measured]
    text = "\n".join(lines) + "\n"
    print(text)
    (HERE / "frames.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
