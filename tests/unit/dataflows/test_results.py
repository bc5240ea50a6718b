"""tasks.dataflows.results: what is kept of a run, whole or not at all."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from tasks.archive import facts
from tasks.dataflows import results
from tasks.dataflows.results import Results
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

NAME = '-it\'s "a\\b" 日本.MP4'


def received(folder: Path, content: bytes) -> Path:
    file = folder / "received.mp4"
    file.write_bytes(content)
    return file


def test_an_answer_is_json_also_where_a_value_is_no_number(tmp_path: Path) -> None:
    path = Results(tmp_path / "calcapp-basic").keep_answer(
        {"inputs": [1.0, 0.0], "functions": [{"value": math.inf, "expected": math.nan, "ok": False}]}
    )
    assert path == tmp_path / "calcapp-basic/answer.json"
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {
        "inputs": [1.0, 0.0],
        "functions": [{"value": "inf", "expected": "nan", "ok": False}],
    }


def test_the_last_recording_of_a_video_is_kept_under_its_name(tmp_path: Path) -> None:
    kept = Results(tmp_path / "p1c1")
    for content in (b"first", b"second"):
        path = kept.keep_video(received(tmp_path, content), NAME, good=True)
        assert (path, path.read_bytes()) == (tmp_path / "p1c1" / NAME, content)
    assert [file.name for file in kept.folder.iterdir()] == [NAME]


def test_what_failed_is_kept_apart_until_the_same_video_passes(tmp_path: Path) -> None:
    kept = Results(tmp_path / "p1c1")
    good = kept.keep_video(received(tmp_path, b"good"), "a.mp4", good=True)
    for name in ("a.mp4", "b.mp4"):
        failed = kept.keep_video(received(tmp_path, b"half"), name, good=False)
        assert (failed, failed.read_bytes()) == (tmp_path / "p1c1/failed" / name, b"half")
    assert good.read_bytes() == b"good"
    kept.keep_video(received(tmp_path, b"better"), "a.mp4", good=True)
    assert [file.name for file in (tmp_path / "p1c1/failed").iterdir()] == ["b.mp4"]


def test_what_is_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "p1c1").write_text("")
    with pytest.raises(Problem, match="p1c1: is in the way of a folder of that name"):
        Results(tmp_path / "p1c1").keep_video(received(tmp_path, b"good"), "a.mp4", good=True)


def test_a_pattern_has_a_folder_in_the_users_part_of_the_checkout() -> None:
    assert facts.shown(results.of("p1c1").folder) == "work/RESULT/p1c1"
    assert paths.BUILD not in results.of("p1c1").folder.parents
