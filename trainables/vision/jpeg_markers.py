"""What the markers of a JPEG file tell of it without decoding: whether decoding can fail, and whether it is damaged.

Once the tables in its header are sound, libjpeg decodes a sequential JPEG whatever its compressed pixels are: damaged
ones become grey or coloured blocks, and nothing but a warning says so. Within the pixels only restart markers may
stand; any other is damage. Damage that makes no marker, such as a run of zero bytes, cannot be told from pixels. In a
progressive JPEG there are markers between the scans, and damaged ones may end the decoding. (ITU-T T.81, annexes B
and C.)
"""

from __future__ import annotations

import re
from collections.abc import Set
from enum import Enum
from functools import lru_cache

_SOF = frozenset({0xC0, 0xC1})
"""Of a sequential JPEG with Huffman codes: its size and components."""
_DHT, _DQT, _DRI, _SOS, _EOI, _COM = 0xC4, 0xDB, 0xDD, 0xDA, 0xD9, 0xFE
_APPLICATIONS = frozenset(range(0xE0, 0xF0))
_BETWEEN_SCANS = frozenset({_DHT, _SOS, _DQT, 0xDC, _DRI, _COM}) | _APPLICATIONS
_IN_PIXELS = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_MOST_BLOCKS = 10
"""Blocks of 8 × 8 pixels of all components that one coded unit may have."""


class JpegBody(Enum):
    """What the markers tell."""

    WHOLE = "as far as markers tell"
    DAMAGED = "a marker stands where only pixels may be; libjpeg decodes what it can"
    UNSURE = "only decoding can tell"


def jpeg_body(content: bytes) -> JpegBody:
    """What the markers of the JPEG file `content` tell."""
    start = _end_of_header(content)
    following = _IN_PIXELS.search(content, start) if start else None
    if following is None:
        return JpegBody.UNSURE
    marker = following[1][0]
    if marker == _EOI:
        return JpegBody.WHOLE
    return JpegBody.UNSURE if marker in _BETWEEN_SCANS else JpegBody.DAMAGED


def _end_of_header(content: bytes) -> int:
    """Where the pixels begin; 0 if the header is not one of a sequential JPEG in one scan, or anything in it is odd."""
    position = 2
    tables: set[int] = set()
    frame = b""
    read: Set[int]
    while content[position : position + 1] == b"\xff" and position + 4 <= len(content):
        marker = content[position + 1]
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        segment = content[position + 4 : end]
        position = end
        if marker == _DHT:
            read = _huffman_tables(segment)
        elif marker == _DQT:
            read = _quantisation_tables(segment)
        elif marker in _SOF and not frame:
            frame, read = segment, {-1}
        elif marker == _SOS:
            return end if _is_one_scan(segment, frame, tables) else 0
        else:
            read = {-1} if marker in _APPLICATIONS | {_COM} or (marker == _DRI and len(segment) == 2) else set()
        if not read:
            return 0
        tables |= read
    return 0


@lru_cache(maxsize=1024)  # most encoders write the same tables into all files
def _huffman_tables(segment: bytes) -> frozenset[int]:
    """The tables of Huffman codes, as class times 16 plus number; none if one is not sound."""
    tables = set()
    while len(segment) >= 17:
        table, counts = segment[0], segment[1:17]
        used, has_room = 0, True  # of the codes of 1 to 16 bits
        for bits, count in enumerate(counts, start=1):
            used = 2 * used + count
            has_room = has_room and used <= 1 << bits
        symbols = segment[17 : 17 + sum(counts)]
        is_direct = table < 16  # its symbols are numbers of bits
        if (
            table & 0xEF > 3
            or not has_room
            or len(symbols) < sum(counts)
            or (is_direct and max(symbols, default=0) > 15)
        ):
            return frozenset()
        tables.add(table)
        segment = segment[17 + sum(counts) :]
    return frozenset(tables) if not segment else frozenset()


@lru_cache(maxsize=1024)
def _quantisation_tables(segment: bytes) -> frozenset[int]:
    """The tables of quantisation, as 256 plus number; none if one is not sound."""
    tables = set()
    while segment:
        size = 129 if segment[0] >> 4 else 65
        if segment[0] & 0xEF > 3 or len(segment) < size:
            return frozenset()
        tables.add(256 + (segment[0] & 3))
        segment = segment[size:]
    return frozenset(tables)


def _is_one_scan(scan: bytes, frame: bytes, tables: Set[int]) -> bool:
    """Whether the scan has all components of the frame, and all tables that they need."""
    count = frame[5] if len(frame) > 5 else 0
    if count not in (1, 3, 4) or len(frame) != 6 + 3 * count or len(scan) != 4 + 2 * count or scan[0] != count:
        return False
    components = [frame[6 + 3 * index : 9 + 3 * index] for index in range(count)]
    used = [scan[1 + 2 * index : 3 + 2 * index] for index in range(count)]
    wide, high = zip(*((sampling >> 4, sampling & 15) for _, sampling, _ in components), strict=True)
    return (
        frame[0] == 8  # bits
        and b"\0\0" not in (frame[1:3], frame[3:5])  # height and width
        and len({number for number, _, _ in components}) == count
        and [number for number, _, _ in components] == [number for number, _ in used]
        and all(1 <= factor <= 4 and max(factors) % factor == 0 for factors in (wide, high) for factor in factors)
        and (count == 1 or sum(w * h for w, h in zip(wide, high, strict=True)) <= _MOST_BLOCKS)
        and {256 + table for _, _, table in components} <= tables
        and {codes >> 4 for _, codes in used} | {16 + (codes & 15) for _, codes in used} <= tables
        and scan[-3:] == b"\0\x3f\0"
    )
