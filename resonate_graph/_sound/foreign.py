"""Formats that are not read, known by their first bytes, and the line that converts them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import IO

from .parts import read_at

#: Names by what stands at a byte of the file.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftypM4A", "M4A (AAC or ALAC)"),
    (4, b"ftypM4B", "M4B (AAC)"),
    (4, b"ftypqt", "QuickTime"),
    (4, b"ftyp3g", "3GP"),
    (4, b"ftyp", "MP4"),
    (4, b"moov", "QuickTime"),
    (4, b"mdat", "QuickTime"),
    (4, b"wide", "QuickTime"),
    (0, bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "WMA (Windows Media, ASF)"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio (APE)"),
    (0, b"DSD ", "DSD (DSF)"),
    (0, b"FRM8", "DSD (DSDIFF)"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"TTA1", "TTA"),
    (0, b"TTA2", "TTA"),
    (0, b"tBaK", "TAK"),
    (0, b"OFR ", "OptimFROG"),
    (0, b"ajkg", "Shorten"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV\x01", "Flash video"),
    (0, b"\x00\x00\x01\xba", "MPEG video (program stream)"),
    (0, b"#!AMR", "AMR"),
    (0, b".RMF", "RealMedia"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b"ADIF", "AAC (ADIF)"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (4, b"\xf8\x72\x6f\xba", "Dolby TrueHD"),
    (4, b"\xf8\x72\x6f\xbb", "MLP"),
    (0, b"Creative Voice File", "VOC"),
    (0, b".SoX", "SoX's own format"),
    (0, b"XoS.", "SoX's own format"),
    (0, b"nut/multimedia", "NUT"),
    (0, b"NIST_1A", "NIST SPHERE"),
    *((0, b"\x64\xa3" + bytes((kind, 0)), "IRCAM") for kind in range(1, 5)),
    *((0, bytes((0, kind)) + b"\xa3\x64", "IRCAM") for kind in range(1, 5)),
    (8, b"MAUD", "MAUD"),
    (0, b"Extended Module: ", "a tracker module (XM)"),
    (0, b"IMPM", "a tracker module (IT)"),
    (44, b"SCRM", "a tracker module (S3M)"),
    *((1080, mark, "a tracker module (MOD)") for mark in (b"M.K.", b"M!K!", b"4CHN", b"8CHN")),
)
#: Where the first two packets of a transport stream begin, without and with time stamps.
_PACKETS = ((0, 188), (4, 196))
_HEAD_BYTES = 1 << 14
_NO_SOUND = {
    b"MThd": "MIDI, notes without sound: let a synthesizer such as fluidsynth play them into a WAV",
    b"PK\x03\x04": "a ZIP archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"\x1f\x8b": "a gzip archive: unpack it",
}


def foreign(path: Path, raw: IO[bytes]) -> str | None:
    """Return why a file of a known format is not read, and what to do; None for any other."""
    head = read_at(raw, 0, _HEAD_BYTES)
    for mark, what in _NO_SOUND.items():
        if head.startswith(mark):
            return f"this is {what}"
    name = next((name for at, mark, name in _SIGNATURES if head[at : at + len(mark)] == mark), None)
    if name is None and _is_adts(head):
        name = "AAC (ADTS)"
    if name is None and any(head[at : at + 1] == b"G" == head[to : to + 1] for at, to in _PACKETS):
        name = "MPEG video (transport stream)"
    if name is None:
        return None
    rate = " -ar 88200" if name.startswith("DSD") else ""
    return f"this is {name}, which is not read: {converted_by(path, rate)}"


def converted_by(path: Path, more: str = "") -> str:
    """Return the line that converts a file into one that is read."""
    source, target = shlex.quote(path.name), shlex.quote(f"{path.name}.wav")
    return f"convert it with: ffmpeg -i {source} -map 0:a:0{more} -c:a pcm_f32le {target}"


def converted_by_sox(path: Path, kind: str) -> str:
    """Return the line that converts a file of a kind that ffmpeg does not read."""
    source, target = shlex.quote(path.name), shlex.quote(f"{path.name}.wav")
    return f"convert it with: sox -t {kind.lower()} {source} -e floating-point -b 32 {target}"


def codec_name(code: bytes) -> str:
    """Return a code of four letters as messages show it."""
    text = code.decode("ascii", "replace").strip()
    return text if text.isascii() and text.isprintable() and text else f"0x{code.hex()}"


def _is_adts(head: bytes) -> bool:
    """Whether two frames of AAC in a row stand at the beginning (ISO 14496-3, 1.A.2)."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return False
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length >= 7 and head[length : length + 2] == head[:2]
