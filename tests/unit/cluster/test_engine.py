"""tasks.cluster.engine: which engine a cluster is on, and whether the run uses the right one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.cluster import engine as cluster_engine
from tasks.engines.docker import client, embedded_home
from tasks.engines.kube import kind as kind_program
from tasks.problems import Problem
from tasks.settings import parameters
from tests.unit.engine import node

if TYPE_CHECKING:
    from tests.unit.engine import Engine

OTHER = "unix:///run/other.sock"


def record(build: Path, url: str, name: str = "a") -> None:
    (build / f"cluster-{name}").mkdir(exist_ok=True)
    (build / f"cluster-{name}" / "engine").write_text(f"{url}\n", encoding="utf-8")


def objection(name: str = "a") -> Problem | None:
    return cluster_engine.objection(name, kind_program.nodes(name))


def test_the_engine_of_a_new_cluster_is_remembered(build: Path, engine: Engine) -> None:
    cluster_engine.remember("c")
    assert (build / "cluster-c" / "engine").read_text(encoding="utf-8") == f"{engine.url}\n"
    assert cluster_engine.made_elsewhere() == set()
    record(build, OTHER, "c")
    assert cluster_engine.made_elsewhere() == {"c"}


def test_an_engine_is_the_same_whatever_links_lead_to_its_socket(
    build: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(engine.url.removeprefix("unix://")).parent
    (folder / "link").symlink_to(folder)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/link/docker.sock")
    client.forget()
    record(build, engine.url)
    assert objection() is None
    cluster_engine.remember("a")
    assert (build / "cluster-a" / "engine").read_text(encoding="utf-8") == f"{engine.url}\n"


def test_a_cluster_on_another_engine_is_named_with_the_way_there(build: Path, engine: Engine) -> None:
    record(build, OTHER)
    found = objection()
    assert found is not None
    assert found.message == (
        f"cluster a: made on the Docker engine at {OTHER}, but this run uses {engine.url}; nothing is touched"
    )
    assert f"DOCKER_HOST={OTHER} with the same command" in found.hint
    with pytest.raises(Problem, match="nothing is touched"):
        cluster_engine.require_same("a", [])


def test_the_way_to_the_embedded_engine_is_its_parameter(build: Path, engine: Engine) -> None:
    record(build, embedded_url())
    found = objection()
    assert found is not None
    assert found.hint.startswith("DOCKER=embedded with the same command")


def test_a_cluster_is_where_its_nodes_are(build: Path, engine: Engine) -> None:
    record(build, OTHER)
    engine.containers["a-worker"] = node("a")
    assert objection() is None


@pytest.mark.parametrize(("made_on", "started"), [("", True), ("embedded", True), (OTHER, False)])
def test_an_embedded_engine_that_is_stopped_is_started_unless_the_cluster_is_on_another(
    no_engine: Path, made_on: str, *, started: bool
) -> None:
    embedded_home.of_cache(parameters.current().cache_dir).data.mkdir(parents=True)
    if made_on:
        record(no_engine, embedded_url() if made_on == "embedded" else made_on)
    starts: list[str] = []
    if started:
        assert cluster_engine.ensure_answer(parameters.current(), starts.append)
    else:
        with pytest.raises(Problem, match="nothing is removed"):
            cluster_engine.ensure_answer(parameters.current(), starts.append)
    assert starts == (["auto"] if started else [])


def test_an_engine_that_answers_is_not_started(build: Path, engine: Engine) -> None:
    assert cluster_engine.ensure_answer(parameters.current(), pytest.fail)


def embedded_url() -> str:
    return cluster_engine._plain(embedded_home.of_cache(parameters.current().cache_dir).url)
