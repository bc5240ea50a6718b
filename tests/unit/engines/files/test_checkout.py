"""tasks.engines.files.checkout: a copy has what a clone would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.engines.files.checkout import copy_to
from tasks.patterns import index
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_the_users_own_stays_behind(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", checkout)
    of_the_project = [paths.ROOT / "tasks" / "patterns" / "form.py", paths.WORK / "DATA" / "video" / ".gitkeep"]
    of_the_user = [
        paths.OWN_PATTERNS / "mine" / index.FILE,
        paths.WORK / "functions" / "mine" / "Dockerfile",
        paths.RESULT / "mine" / "answer.json",
        paths.WORK / "DATA" / "video" / "road.mp4",
        paths.ROOT / ".env",
        paths.BUILD / "patterns.json",
    ]
    for file in (*of_the_project, *of_the_user):
        atomic.write(file, "")
    copy = checkout.parent / f"{checkout.name}-copy"
    copy_to(copy)
    found = {file.relative_to(copy) for file in copy.rglob("*") if file.is_file()}
    assert found == {file.relative_to(checkout) for file in of_the_project}
