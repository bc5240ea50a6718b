"""The server that all looks share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.doctor.server import Server
from tasks.problems import Problem
from tasks.settings import registry
from tests.unit.engine import Container

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.engine import Engine


def test_an_engine_that_did_not_answer_is_not_asked_again(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    server = Server()
    with pytest.raises(Problem, match="no engine answers") as first:
        server.require_engine()
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    with pytest.raises(Problem) as second:
        server.require_engine()
    assert second.value is first.value
    assert not server.offers_own_registry
    Server().require_engine()


@pytest.mark.parametrize(("state", "offered"), [("running", True), ("exited", False), ("", False)])
def test_the_own_registry_is_offered_while_it_runs(engine: Engine, state: str, *, offered: bool) -> None:
    if state:
        engine.containers[registry.SERVICES[0].name] = Container(state)
    assert Server().offers_own_registry is offered
