"""Files of the user, passing and failing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

import pytest

from tasks.doctor import files
from tasks.patterns import known
from tasks.settings import paths
from tasks.settings.checks import FAILED, OK
from tasks.target.existing import ExistingCluster
from tests.unit.conftest import lab
from tests.unit.doctor.recorded import Case
from tests.unit.target.somewhere import parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.doctor.finding import Finding
    from tasks.doctor.server import Server


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _mp4(codec: bytes) -> bytes:
    entry = _box(b"stsd", bytes(8) + _box(codec, bytes(16)))
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        entry = _box(kind, entry)
    return _box(b"ftyp", b"isom") + _box(b"mdat", b"\0" * 100) + entry


SAMPLE = str(paths.SAMPLE)

CASES = (
    Case("archive", OK, "bytes", checkout={"src/controller.tar.gz": b"\x1f\x8b..."}),
    Case("archive", FAILED, "not there", cure="cp controller.tar.gz src/"),
    Case("archive", FAILED, "not gzip", checkout={"src/controller.tar.gz": b"<html>"}),
    Case(
        "archive",
        FAILED,
        "a zip archive",
        checkout={"src/controller.tar.gz": b"PK\x03\x04..."},
        cure="tar --exclude .git -czf src/controller.tar.gz controller",
    ),
    Case("archive", FAILED, "empty", environ={"CONTROLLER": "auto"}, checkout={"src/controller.tar.gz": b""}),
    Case("archive", OK, "CONTROLLER=auto", environ={"CONTROLLER": "auto"}),
    Case("archive", OK, "CONTROLLER=sample", environ={"CONTROLLER": "sample"}),
    Case("archive", FAILED, "/nowhere/controller: not there", environ={"CONTROLLER": "/nowhere/controller"}),
    Case("archive", OK, SAMPLE, environ={"CONTROLLER": SAMPLE}),
    Case("videos", OK, "1 files", checkout={"work/DATA/video/road.mp4": _mp4(b"avc1")}),
    Case("videos", OK, "1 files", checkout={"work/DATA/video/ROAD.MP4": _mp4(b"avc1")}),
    Case(
        "videos",
        FAILED,
        "road.mp4 without H.264 (hvc1)",
        checkout={"work/DATA/video/road.mp4": _mp4(b"hvc1")},
        cure="mv -i work/DATA/video/road.mp4 work/DATA/video/road.mp4.orig && "
        "ffmpeg -i work/DATA/video/road.mp4.orig -c:v libx264 work/DATA/video/road.mp4",
    ),
    Case(
        "videos",
        FAILED,
        "it's $1.mp4",
        checkout={"work/DATA/video/it's $1.mp4": _mp4(b"hvc1")},
        cure="""-c:v libx264 'work/DATA/video/it'"'"'s $1.mp4'""",
    ),
    Case("videos", FAILED, "cut.mp4", checkout={"work/DATA/video/cut.mp4": _mp4(b"avc1")[:90]}, cure="rm -i work/"),
    Case(
        "videos",
        OK,
        "1 files; passed over: ._road.mp4 (of macOS)",
        checkout={"work/DATA/video/road.mp4": _mp4(b"avc1"), "work/DATA/video/._road.mp4": b"\0\5\x16\7"},
    ),
    Case(
        "videos", FAILED, "x.mp4 a folder", checkout={"work/DATA/video/x.mp4/y": b""}, cure="mv work/DATA/video/x.mp4 "
    ),
    Case("videos", OK, "0 files"),
    Case(
        "videos",
        OK,
        "1 files",
        environ={"VIDEO": "road.mp4"},
        checkout={"work/DATA/video/road.mp4": _mp4(b"avc1"), "work/DATA/video/cut.mp4": b""},
    ),
    Case(
        "videos",
        FAILED,
        "VIDEO=rod.mp4 not there; there are road.mp4",
        environ={"VIDEO": "rod.mp4"},
        checkout={"work/DATA/video/road.mp4": _mp4(b"avc1")},
        cure="VIDEO=road.mp4",
    ),
    Case("patterns", OK, "nothing wrong with them"),
    Case(
        "patterns",
        FAILED,
        "work/patterns/mine/pattern.yaml:1: namespac: is no field here; did you mean namespace?",
        checkout={"work/patterns/mine/pattern.yaml": b"namespac: x\n"},
        cure="edit these lines",
    ),
    Case("kubeconfig", OK, "kube/config"),
    Case("kubeconfig", FAILED, "damaged", checkout={"kube/config": b"clusters: ["}, cure="config.damaged"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_finds(case: Case, verify: Callable[[Case], None]) -> None:
    verify(case)


def _on_one_worker(name: str) -> Finding:
    chosen = lab(**parameters_of(TARGET_WORKERS="alone", CLUSTER_NAME="nowhere"))
    return files.look_at(known.named(name))(cast("Server", None), chosen)


def test_a_pattern_is_told_with_what_it_does_not_find_on_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = _on_one_worker("calcapp-basic-multi-worker")
    assert (twin.state, twin.found) == (FAILED, "needs two workers, but TARGET_WORKERS has 1: alone")
    monkeypatch.setattr(ExistingCluster, "notices", lambda *_: ("without MPS",))
    good = _on_one_worker("calcapp-basic")
    assert (good.state, good.found) == (OK, "nothing wrong with calcapp-basic\nwithout MPS")
