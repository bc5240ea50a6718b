"""tasks.docker_engine.service: what a plan says where no engine answers."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.docker_engine import service
from tasks.engines.docker import client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STARTED = "no Docker engine answers: an embedded one is started"


@pytest.fixture
def silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Path:
    """A cache without an engine, on a machine whose docker command leads to a socket that nobody listens on."""
    context = tmp_path / "docker/contexts/meta" / hashlib.sha256(b"none").hexdigest() / "meta.json"
    context.parent.mkdir(parents=True)
    context.write_text(json.dumps({"Endpoints": {"docker": {"Host": f"unix://{tmp_path}/docker.sock"}}}))
    (tmp_path / "docker/config.json").write_text(json.dumps({"currentContext": "none"}))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    choose(CACHE_DIR=str(tmp_path / "cache"), DOCKER="embedded")
    client.forget()
    return tmp_path / "cache"


def test_a_new_embedded_engine_has_nothing_of_what_a_run_needs(silence: Path, act_as: Callable[[int], None]) -> None:
    act_as(0)
    assert service.lack() == lacks.remade(STARTED)
    (silence / "engine/data").mkdir(parents=True)
    assert service.lack() == lacks.of(STARTED)


@pytest.mark.usefixtures("silence")
def test_where_none_may_be_started_a_run_stops(act_as: Callable[[int], None]) -> None:
    act_as(1000)
    found = service.lack()
    assert found.obstacles
    assert "no engine answers" in found.obstacles[0]
