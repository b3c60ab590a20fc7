"""What `steadytune predict` takes pictures and clips from: pairs, references, recordings, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.predict.sources import Extra, sources
from trainables.errors import DataError


def test_pairs_are_found_by_their_names(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give the thermal picture, or the folder of them, with --thermal"):
        sources(pictures, "rgbt", Extra())
    thermal = tmp_path / "thermal"
    (thermal / "night").mkdir(parents=True)
    for name in ("a.jpg", "night/a.png"):
        Image.new("L", (64, 32)).save(thermal / name)
    (source,) = sources(pictures, "rgbt", Extra(thermal=thermal))
    assert next(source.items).given == (pictures / "a.png", thermal / "a.jpg")
    with pytest.raises(DataError, match=r"b\.png: has no partner of that name"):
        next(source.items)


def test_the_suffix_of_a_partner_may_be_in_capitals(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "thermal").mkdir()
    Image.new("L", (64, 32)).save(tmp_path / "thermal" / "a.PNG", "PNG")
    for source_of_a in (pictures / "a.png", pictures):
        (source, *_) = sources(source_of_a, "rgbt", Extra(thermal=tmp_path / "thermal"))
        assert next(source.items).given == (pictures / "a.png", tmp_path / "thermal" / "a.PNG")


def test_of_two_partners_none_is_chosen_by_chance(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "thermal").mkdir()
    for name in ("a.png", "a.jpg"):
        Image.new("L", (64, 32)).save(tmp_path / "thermal" / name)
    with pytest.raises(DataError, match=r"a\.png: a\.jpg has the same name; a pair needs one file a folder"):
        sources(pictures, "rgbt", Extra(thermal=tmp_path / "thermal"))


def test_one_thermal_picture_is_no_partner_of_a_whole_folder(pictures: Path) -> None:
    with pytest.raises(DataError, match=r"--thermal is .*b\.png, but .*pictures is a folder; give that of its thermal"):
        sources(pictures, "rgbt", Extra(thermal=pictures / "b.png"))


@pytest.mark.parametrize("names", [("c.png", "c.jpg"), ("c.mp4", "c.avi"), ("c.mp4", "night/c.mp4")])
def test_no_prediction_is_written_over_another(names: tuple[str, str], pictures: Path) -> None:
    for name in names:
        (pictures / name).touch()
    with pytest.raises(DataError, match=r"c\.\w+: its predictions would be written over those of .*c\.\w+; rename"):
        sources(pictures, "yolox", Extra())


def test_what_is_sought_must_be_shown(pictures: Path) -> None:
    with pytest.raises(DataError, match="with --references"):
        sources(pictures, "refdet", Extra())
    (source,) = sources(pictures / "a.png", "refdet", Extra(references=pictures / "b.png"))
    assert next(source.items).given == {"frame": pictures / "a.png", "references": [pictures / "b.png"]}


@pytest.mark.parametrize(
    ("name", "recipe", "words"),
    [
        ("none", "yolox", "source is .*none; no such file or folder"),
        ("empty", "yolox", "holds no picture"),
        ("empty", "slowfast", "holds no file of clips"),
        ("broken.mp4", "yolox", "cannot be read as a video"),
    ],
)
def test_a_wrong_source_is_one_sentence(name: str, recipe: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match=words):
        sources(tmp_path / name, recipe, Extra())


def test_a_recording_is_cut_into_windows(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "night.h5", "w") as file:
        file["frames"] = np.full((10, 6, 6), 20, dtype=np.float32)
    (source,) = sources(tmp_path / "night.h5", "slowfast", Extra(window=4))
    assert [item.name for item in source.items] == [
        "frames 0 to 3",
        "frames 2 to 5",
        "frames 4 to 7",
        "frames 6 to 9",
    ]


def test_the_last_window_of_a_recording_ends_with_it(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "night.h5", "w") as file:
        file["frames"] = np.full((9, 6, 6), 20, dtype=np.float32)
    (source,) = sources(tmp_path / "night.h5", "slowfast", Extra(window=4))
    assert [item.name for item in source.items][-2:] == ["frames 4 to 7", "frames 5 to 8"]
    (shorter,) = sources(tmp_path / "night.h5", "slowfast", Extra(window=64))
    assert [item.name for item in shorter.items] == ["frames 0 to 8"]
