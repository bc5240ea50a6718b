"""tasks.cluster.removal: what goes, what stays, and when nothing may be touched."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.cluster import creation, removal
from tasks.cluster.creation import Creation
from tasks.cluster.removal import Removal
from tasks.engines.docker import client
from tasks.engines.kube import attachment
from tasks.gpu import lease
from tasks.problems import Problem
from tasks.registry import docker_trust
from tasks.settings import cluster, parameters, registry
from tests.unit.cluster.fakes import FakeEmbedded, never_take
from tests.unit.conftest import lab
from tests.unit.engine import Container, node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters
    from tests.unit.cluster.fakes import FakeKind
    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.programs import Programs

# The name of this checkout's file in the folder where the engine looks for the CAs of a registry.
TRUST_NAME = docker_trust.of(lab()).own_name
OTHER_ENGINE = "unix:///run/other.sock"
REMOVALS: tuple[Callable[[Removal], None], ...] = (Removal.delete, Removal.clean)


@pytest.fixture
def shared(build: Path) -> Path:
    """The build folder with the files of clusters a and b and those that they share."""
    for file in ("controller/x", "registry/ca.crt", "cluster-a/kubeconfig", "cluster-b/kubeconfig"):
        (build / file).parent.mkdir(parents=True, exist_ok=True)
        (build / file).touch()
    return build


@dataclass
class Scene:
    """Cluster a, which is to be removed, and the stand-ins for the collaborators of its removal.

    Attributes:
        build: The build folder.
        kind: What removes the nodes.
        embedded: The embedded engine.
        rest: The calls to make when the process ends.
    """

    build: Path
    kind: FakeKind
    embedded: FakeEmbedded = field(default_factory=FakeEmbedded)
    rest: list[Callable[[], None]] = field(default_factory=list)

    @property
    def engine(self) -> Engine:
        """The engine that the cluster is on."""
        return self.kind.engine

    @property
    def removal(self) -> Removal:
        """The removal of cluster a."""
        return Removal(parameters.current(), self.kind, embedded_engine=self.embedded, at_end=self._at_end)

    def _at_end(self, function: Callable[..., None], *arguments: object) -> None:
        self.rest.append(partial(function, *arguments))


@pytest.fixture
def scene(shared: Path, kind: FakeKind, programs: Programs) -> Scene:
    """Cluster a, on an engine that has and trusts the registry, and has the network of all clusters."""
    programs.write("sudo", 'shift; exec "$@"')
    service = registry.SERVICES[0]
    (folder, place), *_ = service.mounts
    data = parameters.current().cache_dir / "registry" / folder
    kind.engine.networks[cluster.NETWORK] = {client.OURS: "1"}
    kind.engine.containers[service.name] = Container(mounts={place: str(data)})
    trusted = registry.DOCKER_TRUST / "registry.example" / TRUST_NAME
    trusted.parent.mkdir(parents=True)
    trusted.write_text(f"{registry.TRUST_MARK}\n", encoding="utf-8")
    return Scene(shared, kind)


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def left_of_shared(engine: Engine) -> set[str]:
    trusted = (file.name for file in registry.DOCKER_TRUST.rglob("*.crt"))
    return SHARED & {*engine.containers, *engine.networks, *trusted}


SHARED = {registry.SERVICES[0].name, cluster.NETWORK, TRUST_NAME}


def test_root_is_needed_for_the_trust_in_the_registry_unless_it_stays(scene: Scene) -> None:
    scene.engine.containers["a-worker"] = node("a")
    (file,) = registry.DOCKER_TRUST.rglob("*.crt")
    assert removal.lack_of_distrust() == lacks.of(f"{file}: is there")
    scene.engine.containers["b-worker"] = node("b")
    assert removal.lack_of_distrust() == lacks.NOTHING
    del scene.engine.containers["b-worker"]
    file.unlink()
    assert removal.lack_of_distrust() == lacks.NOTHING


def test_what_another_cluster_of_the_checkout_needs_stays(scene: Scene, said: Lines) -> None:
    scene.engine.containers |= {"a-worker": node("a"), "b-worker": node("b")}
    before = files(scene.build)
    scene.removal.clean()
    assert set(scene.engine.containers) == {"b-worker", registry.SERVICES[0].name}
    assert files(scene.build) == before - {"cluster-a/kubeconfig"}
    assert scene.kind.done == ["delete a"]
    assert left_of_shared(scene.engine) == SHARED
    assert "Left the registry and the Docker engine to cluster b of this checkout." in said.kept
    assert "Left build/ to cluster b of this checkout. Try: CLUSTER_NAME=b ./doit clean" in said.kept


def test_a_cluster_of_the_checkout_on_another_engine_keeps_what_it_needs(scene: Scene) -> None:
    (scene.build / "cluster-b" / "engine").write_text(f"{OTHER_ENGINE}\n", encoding="utf-8")
    scene.removal.clean()
    assert "registry/ca.crt" in files(scene.build)
    assert left_of_shared(scene.engine) == SHARED
    assert scene.embedded.done == []


def test_the_last_cluster_of_the_checkout_takes_all_with_it(scene: Scene) -> None:
    (scene.build / "cluster-b" / "engine").write_text(f"{scene.engine.url}\n", encoding="utf-8")  # now gone from there
    scene.engine.containers["a-worker"] = node("a")
    scene.removal.clean()
    assert scene.engine.containers == {}
    assert files(scene.build) == set()
    assert scene.kind.done == ["delete a"]
    assert left_of_shared(scene.engine) == set()
    assert scene.embedded.done == ["stop"]


def attach(name: str) -> None:
    """Attach the checkout to an existing cluster."""
    attachment.save(name, attachment.Attachment("context", "https://server", "uid", "0123456789abcdef"))


def test_cleaning_keeps_what_leads_to_an_existing_cluster_and_says_so(scene: Scene, said: Lines) -> None:
    (scene.build / "cluster-b" / "engine").write_text(f"{scene.engine.url}\n", encoding="utf-8")
    attach("there")
    scene.removal.clean()
    assert files(scene.build) == {"cluster-there/attached.json"}
    assert any("cluster-there" in line and "./doit detach" in line for line in said.kept)
    assert removal.lack_of_cleaning() == lacks.NOTHING


def test_an_existing_cluster_is_never_deleted(scene: Scene) -> None:
    attach("a")
    before = files(scene.build)
    with pytest.raises(Problem, match="never deletes it"):
        scene.removal.delete()
    assert files(scene.build) == before
    assert scene.kind.done == []
    assert removal.lack_of_deletion().obstacles


def test_a_network_that_somebody_uses_stays_and_is_said(scene: Scene, said: Lines) -> None:
    (scene.build / "cluster-b" / "engine").write_text(f"{scene.engine.url}\n", encoding="utf-8")
    scene.engine.containers["mine"] = Container("exited", addresses={cluster.NETWORK: ""})
    scene.removal.clean()
    assert left_of_shared(scene.engine) == {cluster.NETWORK}
    assert f"Left the Docker network {cluster.NETWORK} to mine." in said.kept


def test_what_the_run_itself_uses_goes_when_it_ends(scene: Scene) -> None:
    used = {"doit.db", "doit.db.lock", "run.lock", "last-parameters.json"}
    for name in used:
        (scene.build / name).touch()
    (scene.build / "link").symlink_to(scene.build / "controller")
    scene.removal.clean()
    assert {entry.name for entry in scene.build.iterdir()} == used
    for act in scene.rest:
        act()
    assert not scene.build.exists()


@pytest.mark.parametrize("remove", REMOVALS)
def test_anothers_cluster_is_not_touched_and_nothing_else_is(scene: Scene, remove: Callable[[Removal], None]) -> None:
    scene.engine.containers["a-worker"] = node("a", mounts={}, state="paused")
    before = files(scene.build)
    with pytest.raises(Problem, match="cluster a: a-worker not made by this tool"):
        remove(scene.removal)
    assert (files(scene.build), scene.kind.done, scene.engine.requests) == (before, [], [])


def test_a_plan_says_whose_it_is(scene: Scene) -> None:
    scene.engine.containers["a-worker"] = node("a", mounts={})
    for lack in (removal.lack_of_deletion(), removal.lack_of_cleaning()):
        assert "not made by this tool" in lack.obstacles[0]


def test_a_cluster_that_is_gone_needs_no_deletion(scene: Scene) -> None:
    assert removal.lack_of_deletion() == lacks.of("cluster a: is there")
    removal.delete()
    assert not removal.lack_of_deletion()
    assert removal.lack_of_cleaning() == lacks.of("build/: is there")


def test_a_cluster_on_another_engine_is_taken_neither_for_deleted_nor_for_new(scene: Scene) -> None:
    (scene.build / "cluster-a" / "engine").write_text(f"{OTHER_ENGINE}\n", encoding="utf-8")
    before = files(scene.build)
    for act in (Creation(parameters.current(), scene.kind).create, scene.removal.delete, scene.removal.clean):
        with pytest.raises(Problem, match=f"made on the Docker engine at {OTHER_ENGINE}") as caught:
            act()
        assert f"DOCKER_HOST={OTHER_ENGINE}" in caught.value.hint
    assert OTHER_ENGINE in creation.lack().obstacles[0]
    assert (files(scene.build), scene.kind.done, scene.engine.requests) == (before, [], [])


@dataclass(frozen=True)
class Trace:
    """A reason to expect an engine (parameters, environment or a file), and how the message names it."""

    words: str
    file: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


TRACES = (
    Trace("cluster-a is there", "build/cluster-a/kind.yaml"),
    Trace("cluster-z is there", "build/cluster-z/kind.yaml"),
    Trace("registry is there", "build/registry/ca.crt"),
    Trace("nics/a.json is there", "ledgers/nics/a.json"),
    Trace("gpu/a.json is there", "ledgers/gpu/a.json"),
    Trace("DOCKER=host", values={"DOCKER": "host"}),
    Trace("DOCKER_HOST is set", environ={"DOCKER_HOST": "unix:///none"}),
)


@pytest.fixture(params=TRACES, ids=lambda trace: trace.words)
def trace(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Trace:
    """One reason to expect an engine."""
    build = request.getfixturevalue("no_engine")
    found: Trace = request.param
    choose(CLUSTER_NAME="a", CACHE_DIR=str(build.parent / "cache"), **found.values)
    for name, value in found.environ.items():
        monkeypatch.setenv(name, value)
    if found.file:
        (build.parent / found.file).parent.mkdir(parents=True)
        (build.parent / found.file).touch()
    return found


def untouching() -> Removal:
    """Return a removal that fails if something lent is taken back or an engine is started."""
    never = FakeEmbedded(never=True)
    return Removal(parameters.current(), lenders=(never_take,), embedded_engine=never, at_end=lambda *_: None)


@pytest.mark.parametrize("remove", REMOVALS)
def test_an_engine_that_is_expected_and_does_not_answer_is_a_failure_and_nothing_is_removed(
    no_engine: Path, trace: Trace, remove: Callable[[Removal], None]
) -> None:
    (no_engine / "rendered").touch()
    before = files(no_engine)
    with pytest.raises(Problem, match=r"Docker: no engine answers at \S+ \(.*\); nothing is removed") as caught:
        remove(untouching())
    assert trace.words in caught.value.message
    assert "sudo apt-get install docker.io" in caught.value.hint
    assert files(no_engine) == before


def test_clean_needs_no_engine_where_the_cluster_exists_without_this_tool(
    no_engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{no_engine}/nowhere.sock")
    name = parameters.current().cluster_name
    attachment.save(name, attachment.Attachment("theirs", "https://server", "uid", "owner"))
    (no_engine / "rendered").touch()
    untouching().clean()
    assert files(no_engine) == {f"cluster-{name}/attached.json"}


def test_where_nothing_was_ever_made_there_is_nothing_to_do(no_engine: Path) -> None:
    (no_engine / "rendered").touch()
    untouching().delete()
    assert files(no_engine) == {"rendered"}
    untouching().clean()
    assert files(no_engine) == set()


@pytest.mark.parametrize("paused", [True, False])
def test_a_paused_node_goes_on_before_the_gpu_is_taken_from_it(scene: Scene, *, paused: bool) -> None:
    scene.engine.containers["a-worker"] = node("a", state="paused" if paused else "exited")
    seen: list[tuple[str, str, list[str]]] = []

    def take(p: Parameters) -> None:
        seen.append((p.cluster_name, scene.engine.containers["a-worker"].state, [*scene.kind.done]))

    replace(scene.removal, lenders=(take,)).delete()
    assert seen == [("a", "running" if paused else "exited", [])]
    assert scene.engine.requests == (["POST /containers/a-worker/unpause"] if paused else [])
    assert scene.kind.done == ["delete a"]


def test_the_cards_come_back_before_the_gpu_does() -> None:
    assert (removal._let_cards_go, lease.let_go) == removal.LENDERS


def test_the_nodes_stay_while_a_card_is_not_back(scene: Scene) -> None:
    def refuse(_: Parameters) -> None:
        raise Problem("a card is not back")

    scene.engine.containers["a-worker"] = node("a")
    with pytest.raises(Problem, match="a card is not back"):
        replace(scene.removal, lenders=(refuse, never_take)).delete()
    assert scene.kind.done == []


@pytest.mark.parametrize(
    ("is_left", "says", "cure"),
    [
        (True, "connection refused", "systemctl start docker"),
        (False, "no such socket", "apt-get install docker.io"),
    ],
)
def test_the_cause_of_an_engines_silence_is_named(no_engine: Path, says: str, cure: str, *, is_left: bool) -> None:
    (no_engine / "cluster-a").mkdir()
    if is_left:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(client.host_url().removeprefix("unix://"))
    with pytest.raises(Problem, match=says) as caught:
        removal.delete()
    assert cure in caught.value.hint
