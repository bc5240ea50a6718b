"""tasks.gpu.sharing: when the host's GPU is shared, what the worker sees of it, and how it is made to work there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker.containers import ContainerFacts
from tasks.engines.host.facts import Host
from tasks.gpu import lease, sharing
from tasks.gpu import ledger as gpu_ledger
from tasks.gpu.machine import Machine
from tasks.gpu.sharing import Choice
from tasks.problems import Problem
from tasks.settings import gpu
from tasks.target import kind_cluster
from tasks.target.devices import Gpu
from tests.unit.conftest import lab
from tests.unit.engine import node, ours
from tests.unit.gpu import h200
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.programs import Programs

NODE = "kind-worker"
LISTED = "GPU-00000000-1111-2222-3333-444444444444, NVIDIA H200, 580.159.04\n"
MOUNTS = {h200.LIBRARIES: gpu.SHARED_LIBRARIES, h200.PROGRAMS: gpu.SHARED_PROGRAMS}
EARLIER = {gpu.SHARED_LIBRARIES: "/earlier/lib", gpu.SHARED_PROGRAMS: "/earlier/bin"}

pytestmark = pytest.mark.usefixtures("checkout")


def worker(mounts: dict[str, str] | None = None, *, status: str = "running", started: str = "1") -> ContainerFacts:
    return ContainerFacts("c0ffee", NODE, status, "sha256:0", {}, {}, started, mounts or {})


def nobody(_name: str) -> ContainerFacts | None:
    return None


def finding(there: ContainerFacts) -> Callable[[str], ContainerFacts | None]:
    return {NODE: there}.get


class Node(Machine):
    """An engine with the first worker, whose programs answer from a table."""

    def __init__(self, there: ContainerFacts | None) -> None:
        self.there = there
        self.files: dict[str, bytes] = {}
        self.commands: list[str] = []
        self.answers = {"nvidia-smi": LISTED, "systemctl is-active": "active\n", "sh -c command -v": "/usr/bin/x\n"}

    def container(self, name: str) -> ContainerFacts | None:
        return self.there if name == NODE else None

    def require_here(self, container: ContainerFacts) -> None:
        self.commands.append(f"{container.name} is here")

    def run_in(self, container: str, argv: Sequence[str], *, check: bool = True) -> str:
        self.commands.append(f"{container}: {' '.join(argv)}")
        return next((text for words, text in self.answers.items() if " ".join(argv).startswith(words)), "")

    def holds(self, container: str, path: str, content: bytes) -> bool:
        return self.files.get(f"{container}:{path}") == content

    def keep(self, container: str, path: str, content: bytes) -> None:
        self.files[f"{container}:{path}"] = content


@pytest.mark.parametrize(
    ("value", "modules", "shared"),
    [
        ("share", h200.IDLE, True),
        ("auto", h200.FILES["/proc/modules"], True),
        ("auto", h200.IN_USE, True),
        ("auto", h200.IDLE, False),
        ("no", h200.IN_USE, False),
    ],
)
def test_auto_shares_what_the_host_uses_or_cannot_unload(
    tmp_path: Path, value: str, modules: str, *, shared: bool
) -> None:
    choice = Choice(lab(GPU=value), h200.host(tmp_path, {"/proc/modules": modules}), nobody)
    assert choice.is_share is shared
    assert choice.mounts() == (MOUNTS if shared else {})


def test_a_machine_without_a_gpu_asks_no_engine(tmp_path: Path) -> None:
    def refused(name: str) -> ContainerFacts | None:
        raise AssertionError(name)

    assert not Choice(lab(GPU="auto"), Host(tmp_path), refused).is_share


def test_a_cluster_keeps_its_way_whatever_the_host_does_meanwhile(tmp_path: Path) -> None:
    busy = h200.host(tmp_path / "busy", {"/proc/modules": h200.IN_USE})
    idle = h200.host(tmp_path / "idle", {"/proc/modules": h200.IDLE})
    with_it, without = finding(worker(EARLIER)), finding(worker())
    assert not Choice(lab(GPU="auto"), busy, without).is_share
    kept = Choice(lab(GPU="auto"), idle, with_it)
    assert kept.is_share
    assert kept.mounts() == {place: where for where, place in EARLIER.items()}
    assert "RECREATE=1" in kept.reason
    assert Choice(lab(GPU="auto", RECREATE="1"), busy, without).mounts() == MOUNTS
    assert not Choice(lab(GPU="auto", RECREATE="1"), idle, with_it).is_share


def test_what_a_lease_has_loaded_is_not_shared(tmp_path: Path) -> None:
    gpu.LEDGERS.mkdir(parents=True)
    gpu_ledger.path("kind").touch()
    busy = h200.host(tmp_path, {"/proc/modules": h200.IN_USE})
    assert not Choice(lab(GPU="auto", RECREATE="1"), busy, nobody).is_share


def test_without_a_driver_the_choice_is_one_line(tmp_path: Path) -> None:
    choice = Choice(lab(GPU="share"), h200.host(tmp_path, {"/proc/driver/nvidia/version": None}), nobody)
    with pytest.raises(Problem, match="the host's NVIDIA driver is not loaded"):
        choice.mounts()


def test_the_node_describes_the_gpu_once_for_each_start(said: Lines) -> None:
    machine = Node(worker(EARLIER))
    assert sharing.lack_of("kind", machine)
    sharing.share("kind", machine)
    assert not sharing.lack_of("kind", machine)
    assert said.kept == [f"GPU of the host, shared with kind-worker: {LISTED.strip()}"]
    assert machine.commands == [
        "kind-worker is here",
        "kind-worker: systemctl restart nvidia-share.service",
        "kind-worker: systemctl is-active nvidia-share.service",
        "kind-worker: nvidia-smi --query-gpu=uuid,name,driver_version --format=csv,noheader",
        "kind-worker: sh -c command -v nvidia-cuda-mps-control",
        "kind-worker: systemctl start nvidia-mps.service",
        "kind-worker: systemctl is-active nvidia-mps.service",
    ]
    machine.there = worker(EARLIER, started="2")
    assert sharing.lack_of("kind", machine)


def test_a_host_without_mps_is_said_and_no_failure(said: Lines) -> None:
    machine = Node(worker(EARLIER))
    machine.answers["sh -c command -v"] = ""
    sharing.share("kind", machine)
    assert said.kept[-1] == "kind-worker: without MPS, because the host's driver has no nvidia-cuda-mps-control"


def test_a_node_that_cannot_describe_the_gpu_says_why() -> None:
    machine = Node(worker(EARLIER))
    machine.answers |= {"systemctl is-active": "failed\n", "journalctl": "a line\nthe host's driver is not loaded\n"}
    with pytest.raises(Problem, match="service is not active: the host's driver is not loaded") as caught:
        sharing.share("kind", machine)
    assert caught.value.details == "a line"
    assert sharing.lack_of("kind", machine)


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (None, "kind-worker: the node does not run"),
        (worker(EARLIER, status="exited"), "kind-worker: the node does not run"),
        (worker(), r"kind-worker: was made without the host's NVIDIA driver \(GPU=share\)"),
    ],
)
def test_a_worker_that_cannot_share_is_named_and_left_alone(there: ContainerFacts | None, message: str) -> None:
    machine = Node(there)
    with pytest.raises(Problem, match=message):
        sharing.share("kind", machine)
    assert machine.commands == []


def test_a_gpu_that_does_not_answer_is_a_failure() -> None:
    machine = Node(worker(EARLIER))
    machine.answers["nvidia-smi"] = "No devices were found\n"
    with pytest.raises(Problem, match="kind-worker: nvidia-smi lists no GPU"):
        sharing.share("kind", machine)
    assert sharing.lack_of("kind", machine)


def test_a_gpu_that_another_cluster_was_lent_is_not_shared() -> None:
    gpu.LEDGERS.mkdir(parents=True)
    lent = gpu_ledger.Ledger("second", "boot", "c0ffee", ("0000:00:06.0",), (), ())
    text = json.dumps({"version": gpu_ledger.VERSION, **vars(lent)})
    gpu_ledger.path("second").write_text(text, encoding="utf-8")
    machine = Node(worker(EARLIER))
    with pytest.raises(Problem, match="the GPU is lent to cluster second") as caught:
        sharing.share("kind", machine)
    assert caught.value.hint == "CLUSTER_NAME=second ./doit gpu_return"
    assert machine.files == {}


def test_a_gpu_that_another_cluster_shares_is_not_lent(engine: Engine, choose: Callable[..., None]) -> None:
    choose(GPU="yes", NODE_RUNTIME="crio")
    engine.containers[NODE] = node("kind")
    engine.containers["second-worker"] = node("second", mounts={**ours(), **EARLIER})
    with pytest.raises(Problem, match="the GPU is shared with cluster second, so it cannot be lent") as caught:
        lease.lend()
    assert caught.value.hint == "CLUSTER_NAME=second ./doit delete_cluster"
    assert engine.requests == []


@pytest.mark.parametrize(("value", "needs_root"), [("share", False), ("yes", True)])
def test_root_is_needed_to_lend_a_gpu_and_not_to_share_it(
    engine: Engine, choose: Callable[..., None], value: str, *, needs_root: bool
) -> None:
    choose(GPU=value, NODE_RUNTIME="crio")
    assert lease.lack()
    assert bool(lease.lack_of_root()) is needs_root


def test_a_worker_that_is_there_says_itself_how_it_gets_the_gpu(engine: Engine, choose: Callable[..., None]) -> None:
    choose(GPU="yes", NODE_RUNTIME="crio")
    engine.containers[NODE] = node("kind", mounts={**ours(), **EARLIER})
    assert lease.lack().reasons == ("kind-worker: the GPU has not been looked at since the node was started",)
    assert not lease.lack_of_root()
    assert sharing.is_seen_by(NODE)
    choose(GPU="share")
    engine.containers[NODE] = node("kind")
    assert lease.lack().disrupts == ("the GPU: the host's driver and its services stop",)
    assert not sharing.is_seen_by(NODE)


def test_nothing_is_given_back_because_the_host_never_lost_it(engine: Engine, choose: Callable[..., None]) -> None:
    choose(GPU="share")
    engine.containers[NODE] = node("kind", mounts={**ours(), **EARLIER})
    assert not lease.lack_of_return()


def test_the_inventory_has_the_model_and_the_uuid_of_a_shared_gpu(engine: Engine, programs: Programs) -> None:
    for name, mounts in ((NODE, EARLIER), (f"{NODE}2", {})):
        engine.containers[name] = node("kind", mounts={**ours(), **mounts})
    programs.put("docker", "0, GPU-00000000-1111-2222-3333-444444444444, NVIDIA H200\n")
    first, second = kind_cluster.shared_by([NODE, f"{NODE}2"], {})
    assert first.gpus == (Gpu(0, "GPU-00000000-1111-2222-3333-444444444444", "NVIDIA H200"),)
    assert second.gpus == ()
    programs.put("docker", Answer(err="nvidia-smi: not found", code=127))
    assert kind_cluster.shared_by([NODE], {})[0].gpus == (), "gpu_lease says so, and the rest goes on"
