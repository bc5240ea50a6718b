"""Shared fixtures for looks at recorded machines: the machine, its engine and its routes, as a case describes them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from tasks.doctor.looks import LOOKS
from tasks.engines.files import ledgers
from tasks.nics import emulated
from tasks.nics import ledger as nics_ledger
from tasks.registry import pki
from tasks.settings import cluster, nics, parameters, registry
from tasks.settings.checks import CHECKS, FAILED
from tasks.settings.images import PARTS_LABEL
from tests.unit.doctor.recorded import CA, FILES, LINKS, SOCKET, TRUST, Case, RecordedServer
from tests.unit.engine import Container, Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.engine import Engine
    from tests.unit.programs import Programs


@pytest.fixture(scope="session")
def ca_pem(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pki.ensure_ca(tmp_path_factory.mktemp("ca"), "harbor").certificate.read_bytes()


@pytest.fixture
def environment(checkout: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[[Case], str]:
    """A function that points at a case's kubeconfig and Docker, and returns the path of the engine's socket."""

    def set_up(case: Case) -> str:
        monkeypatch.setenv("KUBECONFIG", str(checkout / "kube" / "config"))
        if case.docker:
            fill(engine, case)
        else:
            monkeypatch.delenv("DOCKER_HOST")
            monkeypatch.setenv("DOCKER_CONFIG", str(silent_context(checkout / "docker")))
        return engine.url.removeprefix("unix://")

    return set_up


@pytest.fixture
def machine(
    checkout: Path, choose: Callable[..., None], environment: Callable[[Case], str], programs: Programs
) -> Callable[[Case], Path]:
    """A function that creates a machine as a case describes it, and returns the root of its files."""

    def make(case: Case) -> Path:
        for name, content in case.checkout.items():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name).write_bytes(content)
        choose(**{"PROFILE": "physical", "CACHE_DIR": str(checkout / "cache"), **case.environ})
        if case.facts.get("lent"):
            write_ledger(nics.LEDGERS)
        programs.put("ip", json.dumps([{"dst": network, "dev": "ens0"} for network in case.routes]))
        record(checkout / "machine", case, environment(case))
        return checkout / "machine"

    return make


@pytest.fixture
def verify(machine: Callable[[Case], Path], engine: Engine, ca_pem: bytes) -> Callable[[Case], None]:
    """A function that looks at the machine of a case, and compares what it finds with what the case expects."""

    def verify(case: Case) -> None:
        root = machine(with_ca(case, ca_pem))
        finding = LOOKS[case.check](RecordedServer(root, with_ca(case, ca_pem)), parameters.current())
        assert finding.state == case.state, finding
        assert case.says in finding.found
        assert finding.needed
        if case.state == FAILED:
            check = next(check for check in CHECKS if check.name == case.check)
            cure = case.cure.replace(SOCKET, engine.url.removeprefix("unix://"))
            assert cure in (finding.cure or check.cure)
        else:
            assert not finding.cure

    return verify


def with_ca(case: Case, pem: bytes) -> Case:
    """Return a case with a real CA in place of its placeholder."""
    web = {
        url: replace(answer, content=pem) if not isinstance(answer, str) and answer.content == CA else answer
        for url, answer in case.web.items()
    }
    files = {name: pem.decode() if text == CA.decode() else text for name, text in case.files.items()}
    return replace(case, web=web, files=files)


def fill(engine: Engine, case: Case) -> None:
    """Create on the engine what a case describes."""
    engine.version = case.docker
    engine.info.update(case.facts.get("docker", {}))
    engine.images.update({tag: Image({PARTS_LABEL: json.dumps(parts)}) for tag, parts in case.images.items()})
    for name, subnet in case.facts.get("networks", {}).items():
        engine.networks[name], engine.subnets[name] = {}, subnet
    if case.facts.get("emulated"):
        engine.networks["kind-sriov"] = {emulated.CHECKOUT: ledgers.here()}
        engine.subnets["kind-sriov"] = "192.168.20.0/24"
    for name in case.nodes:
        engine.containers[f"{name}-control-plane"] = Container(labels={cluster.CLUSTER_LABEL: name})
    if case.registry:
        engine.containers.update({service.name: Container() for service in registry.SERVICES})


def silent_context(folder: Path) -> Path:
    """Return a settings folder of the docker command whose context leads to no engine."""
    meta = folder / "contexts" / "meta" / hashlib.sha256(b"silent").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Endpoints": {"docker": {"Host": f"unix://{folder}/none.sock"}}}))
    (folder / "config.json").write_text(json.dumps({"currentContext": "silent"}))
    return folder


def record(root: Path, case: Case, socket: str) -> None:
    """Write the files of a machine."""
    for name, text in {**FILES, **case.files}.items():
        if text is not None:
            file = root / name.replace(SOCKET, socket).replace(TRUST, str(registry.DOCKER_TRUST))[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for name, target in {**LINKS, **case.links}.items():
        if target is not None:
            (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / name[1:]).symlink_to(target)
    (root / "proc").mkdir(exist_ok=True)


def write_ledger(folder: Path) -> None:
    record = nics_ledger.Record(
        bdf="0000:17:00.1",
        identity="15b3:1019",
        permanent_mac="",
        namespace="host",
        name="ens9f1np1",
        altnames=(),
        mac="",
        mtu=1500,
        up=True,
        driver="mlx5_core",
        num_vfs=0,
        physical_function="",
        addresses=(),
        routes=(),
        vf_settings=(),
    )
    ledger = nics_ledger.Ledger("kind", "boot", {record.bdf: record}, {})
    folder.mkdir(parents=True)
    (folder / "kind.json").write_text(json.dumps({"version": nics_ledger.VERSION, **asdict(ledger)}))
