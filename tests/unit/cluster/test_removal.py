"""tasks.cluster.removal and cluster_engine: what goes, what stays, and when nothing may be touched."""

from __future__ import annotations

import atexit
import errno
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.cluster import creation, removal
from tasks.cluster import engine as cluster_engine
from tasks.docker_engine import service as engine_action
from tasks.engines.docker import client, connection, containers
from tasks.engines.kube import kind
from tasks.gpu import lease
from tasks.nics import cards
from tasks.problems import Problem
from tasks.registry import certificates, embedded
from tasks.settings import gpu, parameters, paths
from tasks.settings import nics as nic_settings
from tests.unit.containers import Containers, ours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.unit.conftest import Lines

SOCKET = "unix:///run/one.sock"


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Path:
    """A build folder with what clusters a and b share and have, no ledger, and a cache without an engine."""
    choose(CLUSTER_NAME="a", CACHE_DIR=str(tmp_path / "cache"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    for name, place in {"BUILD": "", "CONTROLLER": "controller", "REGISTRY_CA": "registry/ca.crt"}.items():
        monkeypatch.setattr(paths, name, tmp_path / "build" / place)
    for file in ("controller/x", "registry/ca.crt", "cluster-a/kubeconfig", "cluster-b/kubeconfig"):
        (tmp_path / "build" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "build" / file).touch()
    for settings in (gpu, nic_settings):
        monkeypatch.setattr(settings, "LEDGERS", tmp_path / "ledgers")
    return tmp_path / "build"


@pytest.fixture
def engine(build: Path, monkeypatch: pytest.MonkeyPatch) -> Containers:
    """An engine whose registry, network and CA can only be taken away."""
    made = Containers()
    monkeypatch.setattr(client, "client", made.client)
    monkeypatch.setattr(client, "socket", lambda: SOCKET)
    monkeypatch.setattr(containers, "tenants", lambda _url: [])
    monkeypatch.setattr(kind, "delete", made.remove)
    for module, name in ((embedded, "remove"), (certificates, "distrust"), (engine_action, "stop")):
        monkeypatch.setattr(module, name, lambda *_: made.done.append("shared"))
    monkeypatch.setattr(removal, "_remove_network", lambda: made.done.append("shared"))
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    return made


@pytest.fixture
def silence(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine answers, and none can be started."""

    def no_engine() -> None:
        raise Problem("Docker: no engine answers", hint="start it")

    monkeypatch.setattr(client, "client", no_engine)
    monkeypatch.setattr(engine_action, "ensure", pytest.fail)
    for module, name in ((cards, "let_go"), (lease, "let_go")):
        monkeypatch.setattr(module, name, pytest.fail)
    monkeypatch.setattr(atexit, "register", lambda *_: None)


@pytest.fixture
def bare(build: Path) -> Path:
    """A build folder that no cluster has anything in."""
    shutil.rmtree(build)
    build.mkdir()
    (build / "rendered").touch()
    return build


def tree(build: Path) -> set[str]:
    return {str(file.relative_to(build)) for file in build.rglob("*") if file.is_file()}


def test_what_another_cluster_of_the_checkout_needs_stays(engine: Containers, build: Path, said: Lines) -> None:
    engine.add("a-worker", "a", ours())
    engine.add("b-worker", "b", ours())
    before = tree(build)
    removal.clean()
    assert [one["Names"] for one in engine.listed] == [["/b-worker"]]
    assert tree(build) == before - {"cluster-a/kubeconfig"}
    assert engine.done == ["delete a"]
    assert "Left the registry and the Docker engine to cluster b of this checkout." in said.kept
    assert "Left build/ to cluster b of this checkout. Try: CLUSTER_NAME=b ./doit clean" in said.kept


def test_a_cluster_of_the_checkout_on_another_engine_keeps_what_it_needs(engine: Containers, build: Path) -> None:
    (build / "cluster-b" / "engine").write_text("unix:///run/other.sock\n", encoding="utf-8")
    removal.clean()
    assert "registry/ca.crt" in tree(build)
    assert "shared" not in engine.done


def test_the_last_cluster_of_the_checkout_takes_all_with_it(engine: Containers, build: Path) -> None:
    (build / "cluster-b" / "engine").write_text(f"{SOCKET}\n", encoding="utf-8")  # where it is no more
    engine.add("a-worker", "a", ours())
    removal.clean()
    assert engine.listed == []
    assert tree(build) == set()
    assert engine.done == ["delete a", *["shared"] * 4]


def test_anothers_cluster_is_not_touched_and_nothing_else_is(
    engine: Containers, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "give_back", pytest.fail)
    engine.add("a-worker", "a")
    before = tree(build)
    for remove in (removal.delete, removal.clean):
        with pytest.raises(Problem, match="cluster a: a-worker not made by this tool"):
            remove()
    assert (tree(build), engine.done) == (before, [])


def test_a_plan_says_whose_it_is(engine: Containers) -> None:
    engine.add("a-worker", "a")
    for lack in (removal.lack_of_deletion(), removal.lack_of_cleaning()):
        assert "not made by this tool" in lack.obstacles[0]


def test_a_cluster_that_is_gone_needs_no_deletion(engine: Containers, build: Path) -> None:
    assert removal.lack_of_deletion() == lacks.of("cluster a: is there")
    removal.delete()
    assert not removal.lack_of_deletion()


def test_a_cluster_on_another_engine_is_taken_neither_for_deleted_nor_for_new(engine: Containers, build: Path) -> None:
    (build / "cluster-a" / "engine").write_text("unix:///run/other.sock\n", encoding="utf-8")
    before = tree(build)
    for act in (creation.create, removal.delete, removal.clean):
        with pytest.raises(Problem, match=r"made on the Docker engine at unix:///run/other\.sock") as caught:
            act()
        assert "DOCKER_HOST=unix:///run/other.sock" in caught.value.hint
    assert (tree(build), engine.done) == (before, [])


def test_the_engine_of_a_new_cluster_is_remembered(engine: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster_engine.remember("c")
    assert cluster_engine.made_elsewhere() == set()
    monkeypatch.setattr(client, "socket", lambda: "unix:///run/other.sock")
    assert cluster_engine.made_elsewhere() == {"c"}


@dataclass(frozen=True)
class Trace:
    """What speaks for an engine: parameters, environment, a file; and how that is said."""

    words: str
    file: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


TRACES = (
    Trace("cluster-a is there", "build/cluster-a/kind.yaml"),
    Trace("cluster-z is there", "build/cluster-z/kind.yaml"),
    Trace("registry is there", "build/registry/ca.crt"),
    Trace("a.json is there", "ledgers/a.json"),
    Trace("DOCKER=host", values={"DOCKER": "host"}),
    Trace("DOCKER_HOST is set", environ={"DOCKER_HOST": "unix:///none"}),
)


@pytest.fixture(params=TRACES, ids=lambda trace: trace.words)
def trace(
    request: pytest.FixtureRequest, bare: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]
) -> Trace:
    """Something that speaks for an engine."""
    found: Trace = request.param
    choose(CLUSTER_NAME="a", CACHE_DIR=str(bare.parent / "cache"), **found.values)
    for name, value in found.environ.items():
        monkeypatch.setenv(name, value)
    if found.file:
        (bare.parent / found.file).parent.mkdir()
        (bare.parent / found.file).touch()
    return found


@pytest.mark.parametrize("remove", [removal.delete, removal.clean])
def test_an_engine_that_is_expected_and_does_not_answer_is_a_failure_and_nothing_is_removed(
    silence: None, bare: Path, trace: Trace, remove: Callable[[], None]
) -> None:
    before = tree(bare)
    with pytest.raises(Problem, match="Docker: no engine answers; nothing is removed") as caught:
        remove()
    assert trace.words in caught.value.message
    assert caught.value.hint == "start it"
    assert tree(bare) == before


def test_where_nothing_was_ever_made_there_is_nothing_to_do(silence: None, bare: Path) -> None:
    removal.delete()
    removal.clean()
    assert tree(bare) == set()


@pytest.mark.parametrize(("made_on", "started"), [("", True), ("embedded", True), (SOCKET, False)])
def test_an_embedded_engine_that_is_stopped_is_started_unless_the_cluster_is_on_another(
    silence: None, build: Path, monkeypatch: pytest.MonkeyPatch, made_on: str, *, started: bool
) -> None:
    client.embedded().data.mkdir(parents=True)
    if made_on:
        url = client.embedded().url if made_on == "embedded" else made_on
        (build / "cluster-a" / "engine").write_text(url, encoding="utf-8")
    starts: list[str] = []
    monkeypatch.setattr(engine_action, "ensure", lambda: starts.append("engine"))
    if started:
        assert cluster_engine.ensure_answer(parameters.current())
    else:
        with pytest.raises(Problem, match="nothing is removed"):
            cluster_engine.ensure_answer(parameters.current())
    assert bool(starts) == started


@pytest.mark.parametrize("paused", [True, False])
def test_a_paused_node_goes_on_before_the_gpu_is_taken_from_it(
    engine: Containers, monkeypatch: pytest.MonkeyPatch, *, paused: bool
) -> None:
    engine.add("a-worker", "a", ours(), state="paused" if paused else "exited")
    monkeypatch.setattr(containers, "unpause", lambda name: engine.done.append(f"unpause {name}"))
    monkeypatch.setattr(cards, "let_go", lambda name: engine.done.append(f"nics {name}"))
    monkeypatch.setattr(lease, "let_go", lambda p: engine.done.append(f"gpu {p.cluster_name}"))
    removal.delete()
    assert engine.done == [*(["unpause a-worker"] if paused else []), "nics a", "gpu a", "delete a"]


def test_the_nodes_stay_while_a_card_is_not_back(engine: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    def let_go(_name: str) -> None:
        raise Problem("a card is not back")

    engine.add("a-worker", "a", ours())
    monkeypatch.setattr(cards, "let_go", let_go)
    with pytest.raises(Problem, match="a card is not back"):
        removal.delete()
    assert engine.done == []


@pytest.mark.parametrize(
    ("number", "says", "cure"),
    [
        (errno.EACCES, "permission denied", "usermod -aG docker"),
        (errno.ECONNREFUSED, "connection refused", "systemctl start docker"),
        (errno.ENOENT, "no such socket", "apt-get install docker.io"),
    ],
)
def test_the_cause_of_an_engines_silence_is_named(
    build: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str, cure: str
) -> None:
    monkeypatch.setattr(connection, "_refusal", lambda _url: number)
    client.forget()
    with pytest.raises(Problem, match=says) as caught:
        removal.delete()
    assert cure in caught.value.hint
    assert parameters.current().docker == "auto"
