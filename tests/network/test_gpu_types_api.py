"""A GPU that the archive does not list, on a real API server: the sample controller's functions place dsa on it."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tasks import progress
from tasks.archive import facts
from tasks.controller import capacity, gpu_types, inventory, kinds, source
from tasks.dataflows import flow as flows
from tasks.dataflows import gpu_target
from tasks.engines.kube import access, manifests
from tasks.engines.programs import waiting
from tasks.images import function_images
from tasks.patterns import known
from tasks.scenarios import files, registration, setup
from tasks.settings import parameters, paths
from tasks.target.devices import Gpu, Worker
from tests.targets import Given
from tests.unit.conftest import lab

# After the import of this module, the sample controller's own can be imported.
from tests.unit.sample_controller.sample_cluster import MANAGERS  # isort: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tasks.engines.kube.api import Kube

REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (paths.SAMPLE, REAL) if root.is_dir()]
PATTERN = known.named("p2c1")
NODE = "one-worker"
H200 = Gpu(0, "GPU-5a0b7c3e", "NVIDIA H200")
MADE = (
    kinds.DATA_FLOW, kinds.WB_CONNECTION, kinds.WB_FUNCTION, kinds.ETHERNET_CONNECTION, kinds.CPU_FUNCTION,
    kinds.GPU_FUNCTION, kinds.FUNCTION_CHAIN, kinds.FUNCTION_TYPE, kinds.FUNCTION_TARGET, kinds.COMPUTE_RESOURCE,
    manifests.POD, manifests.SERVICE,
)  # fmt: skip


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(progress, "line", lines.append)
    return lines


@pytest.fixture(params=SOURCES, ids=lambda root: root.name)
def cluster(request: pytest.FixtureRequest, api: Kube, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kube]:
    """The API server with a source's definitions and namespaces."""
    images = {image: f"registry/{image}:1" for image in PATTERN.images}
    monkeypatch.setattr(access, "cluster", lambda _name: api)
    monkeypatch.setattr(paths, "CONTROLLER", request.param)
    monkeypatch.setattr(function_images, "references", lambda *_: images)
    chosen = lab(DCI_REGISTRY_ADDR_ALT="registry.example/images", DATAFLOW_DEADLINE="20", CONTROLLER_DEADLINE="20")
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    definitions = [item for file in facts.definition_files(request.param) for item in manifests.load(file)]
    api.apply([*definitions, *setup.namespaces(Given(api, ()))])
    yield api
    for kind in MADE:
        for item in api.list(kind):
            if manifests.name_of(item) != "kubernetes":
                where = kind, manifests.name_of(item), manifests.namespace_of(item)
                api.patch(*where, {"metadata": {"finalizers": None}})
                api.delete(*where)
                api.wait_gone(*where, deadline=10)
    for name in (inventory.PRESENT, inventory.OFFERED, "functionkindmap", "connectionkindmap"):
        api.delete(manifests.CONFIG_MAP, name, "default")


class SampleController:
    """The sample controller's functions, called for each object; for a FunctionType only when that itself changes."""

    def __init__(self, kubeconfig: Path) -> None:
        from sample_operator import __main__ as operator
        from sample_operator.api import Api, ApiError
        from sample_operator.context import Context

        given = json.loads(kubeconfig.read_text())
        server = given["clusters"][0]["cluster"]
        info = {"server": server["server"], "ca_path": server["certificate-authority"], "ca_data": None}
        login = {**info, "token": given["users"][0]["user"]["token"], "certificate_path": "", "certificate_data": ""}
        self._api, self._error = Api(lambda: SimpleNamespace(**login)), ApiError
        roles = [(name, operator.role_named(name)) for name in operator.ROLES]
        self._roles = [(role, role.prepare(Context(self._api, "" if n in MANAGERS else NODE))) for n, role in roles]
        self._seen: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            for role, context in self._roles:
                for resource, reconcile in role.reconcilers.items():
                    # What another step was quicker to change, or is not served yet, is read anew in the next round.
                    with suppress(self._error):
                        for item in self._api.list(resource):
                            self._look_at(item, partial(reconcile, context))

    def _look_at(self, item: dict[str, Any], reconcile: Callable[[str, str], object]) -> None:
        metadata = item["metadata"]
        if (
            "functionInfoCMRef" in item.get("spec", {})
            and self._seen.get(metadata["uid"]) == metadata["resourceVersion"]
        ):
            return
        reconcile(metadata["namespace"], metadata["name"])
        self._seen[metadata["uid"]] = metadata["resourceVersion"]


def tell(cluster: Kube, *gpus: Gpu) -> None:
    """Apply what the controller is told of a worker with these GPUs, which is counted anew."""
    workers, known = [Worker(NODE, "Xeon", 1, gpus)], inventory.models()
    capacity._clear(cluster, [NODE])
    cluster.apply([*source.configuration_maps(gpu_types.of(workers, known)), *inventory.config_maps(workers, known)])


def test_a_function_is_placed_on_a_gpu_of_another_model(cluster: Kube, kubeconfig: Path, said: list[str]) -> None:
    tell(cluster)
    with SampleController(kubeconfig):
        registration.register(PATTERN.name)
    assert not registration.lack(PATTERN.name)
    tell(cluster, H200)
    assert registration.lack(PATTERN.name)
    with SampleController(kubeconfig):
        registration.register(PATTERN.name)
        assert not registration.lack(PATTERN.name)
        gpu_target.wait(flows.of(PATTERN.name, parameters.current()))
        cluster.apply([files.of(cluster, PATTERN, parameters.current()).data_flow()])
        name = f"{PATTERN.dataflow}-wbfunction-dsa"
        pod = f"{name}-mps-dgpu-{H200.uuid.lower()}-pod"
        waiting.Condition("the pod of dsa", lambda: cluster.get(manifests.POD, pod, PATTERN.namespace), bool).wait(20.0)
    assert any(line.startswith("FunctionType") and "not for nvidia-h200" in line for line in said)
    spec = (cluster.get(kinds.GPU_FUNCTION, name, PATTERN.namespace) or {})["spec"]
    assert (spec["deviceType"], spec["nodeName"], spec["acceleratorIDs"][0]["id"]) == ("nvidia-h200", NODE, H200.uuid)
