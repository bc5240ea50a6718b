"""What unit tests share."""

from __future__ import annotations

import pytest

from tasks import progress


class Lines:
    """A listener that keeps what actions say."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def step(self, text: str) -> None:
        pass

    def line(self, text: str) -> None:
        self.kept.append(text)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Return what actions say from here on."""
    lines = Lines()
    monkeypatch.setattr(progress, "_listener", lines)
    return lines
