"""tasks.dataflows.marking: a video that passed by a stand-in is told by the frames that lack its mark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.dataflows.marking import Marked
from tasks.engines.media.video import Video
from tasks.patterns import known
from tasks.patterns.checks import PlayedVideo, Verification
from tests.unit.dataflows.functions import Functions

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "stand-in of gpu_infer_tcp"
DECODER = f"{NAME}: decoder avdec_h264 on the CPU"
RECEIVED = Video("h264", 40, 3.0)


def stand_in(_pod: str, argv: Sequence[str]) -> str:
    return {"/stand-in": f"{NAME}\n", "/decoder": f"{DECODER}\n"}[argv[-1]]


@pytest.mark.parametrize(
    ("share", "says"),
    [
        (1.0, ""),
        (0.95, ""),
        (0.9, "dsa was passed by: 36 of 40 received frames carry its mark"),
        (0.0, "dsa was passed by: 0 of 40 received frames carry its mark"),
    ],
)
def test_nearly_every_frame_carries_the_mark_of_a_stand_in(share: float, says: str, tmp_path: Path) -> None:
    functions = Functions(known.named("p2c1"), stand_in)
    marked = Marked(functions.flow(), functions.pods, lambda _path: share)
    assert marked.complaint(tmp_path, RECEIVED) == says
    assert marked.said() == (f"dsa: {DECODER}, its mark is in the frames",)
    assert {container for _, container in functions.asked} == {"gpu-container0"}


@pytest.mark.parametrize("pattern", ["p2c1", "p1c1"])
def test_what_is_no_stand_in_draws_no_mark(pattern: str, tmp_path: Path) -> None:
    functions = Functions(known.named(pattern))
    marked = Marked(functions.flow(), functions.pods, lambda _path: pytest.fail("looked for a mark"))
    assert (marked.complaint(tmp_path, RECEIVED), marked.said()) == ("", ())


ALL_SEEN = (f"dsa: {DECODER}, its mark is in the frames",)


@pytest.mark.parametrize(
    ("pattern", "mark", "share", "says"),
    [
        ("p2c1", True, 0.0, "dsa was passed by: 0 of 40 received frames carry its mark"),
        ("p2c1", True, 1.0, ALL_SEEN),
        ("p1c1", True, 0.5, "20 of 40 received frames carry the mark of a stand-in"),
        ("p1c1", True, 1.0, ("the mark of a stand-in is in the frames",)),
        ("p2c1", False, 0.0, (f"dsa: {DECODER}",)),
        ("p1c1", False, 0.0, ()),
    ],
)
def test_a_pattern_may_say_whether_frames_have_to_be_marked(
    pattern: str, mark: bool, share: float, says: str | tuple[str, ...]
) -> None:
    asked = replace(known.named(pattern), verification=Verification(video=PlayedVideo(mark=mark)))
    functions = Functions(asked, stand_in if pattern == "p2c1" else lambda *_: "")
    marked = Marked(functions.flow(), functions.pods, lambda _path: share)
    assert (marked.complaint(Path(), RECEIVED) or marked.said()) == says


def test_a_stand_in_that_has_not_decoded_yet_is_named_all_the_same(tmp_path: Path) -> None:
    functions = Functions(known.named("p2c1"), lambda _pod, argv: NAME if argv[-1] == "/stand-in" else "")
    marked = Marked(functions.flow(), functions.pods, lambda _path: 1.0)
    assert marked.complaint(tmp_path, RECEIVED) == ""
    assert marked.said() == (f"dsa: {NAME}, its mark is in the frames",)
