"""tasks.dataflows.video_sender: a video that cannot be sent does not keep the sender from running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.dataflows import video_sender
from tasks.engines.media.user_videos import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines


def test_a_broken_video_is_named_with_its_cure(tmp_path: Path, said: Lines) -> None:
    folder = Folder(tmp_path)
    folder.ensure()
    video_sender.name_unsendable(folder)
    assert said.kept == []
    (folder.path / "broken.mp4").write_bytes(b"<html>")
    video_sender.name_unsendable(folder)
    (line,) = said.kept
    assert line.startswith("broken.mp4 cannot be sent: ")
    assert ". Cure: " in line
