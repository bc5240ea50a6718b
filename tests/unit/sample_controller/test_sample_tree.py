"""The sample controller's files: the layout, names and references that the real archive has."""

from __future__ import annotations

import ast
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sample_operator import __main__ as operator

from tasks.archive import dockerfiles
from tasks.patterns import known
from tasks.settings import paths
from tasks.settings.controller import COMPONENTS, DEVICE_TYPES, FUNCTION_IMAGES, JSON, REGIONS, SCENARIOS
from tasks.settings.scenarios import SRIOV_NETWORK
from tests.unit.sample_controller.sample_cluster import ROOT, SCENARIO

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tasks.patterns.model import Pattern

SINGLE = [pattern for pattern in known.patterns() if not pattern.is_placed]
KINDS = {
    "ChildBs", "ComputeResource", "ConnectionTarget", "ConnectionType", "CPUFunction", "DataFlow", "DeviceInfo",
    "EthernetConnection", "FPGA", "FPGAFunction", "FPGAReconfiguration", "FunctionChain", "FunctionTarget",
    "FunctionType", "GPUFunction", "PCIeConnection", "SchedulingData", "TopologyInfo", "WBConnection", "WBFunction",
}  # fmt: skip
WITH_STATUS_ENDPOINT = {
    "connectiontargets", "connectiontypes", "dataflows", "functionchains", "functiontargets", "functiontypes",
    "schedulingdata", "topologyinfos",
}  # fmt: skip
MANAGERS = {part.folder: part.image for part in COMPONENTS if (ROOT / part.deployment).is_dir()}
REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (ROOT, REAL) if root.is_dir()]
DAEMONS = {part.folder: part.image for part in COMPONENTS if (ROOT / part.daemon_set).is_file()}


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


def definitions() -> list[dict[str, Any]]:
    files = [
        folder.parent / resource
        for folder in ROOT.glob("src/*/config/crd/kustomization.yaml")
        for resource in documents(folder)[0]["resources"]
    ]
    return list(itertools.chain.from_iterable(map(documents, files)))


def test_every_kind_of_the_contract_is_defined() -> None:
    assert {each["spec"]["names"]["kind"] for each in definitions()} == KINDS
    assert {each["spec"]["group"] for each in definitions()} == {"example.com"}
    assert {each["spec"]["scope"] for each in definitions()} == {"Namespaced"}


def test_only_some_kinds_have_a_status_endpoint() -> None:
    found = {
        each["spec"]["names"]["plural"]
        for each in definitions()
        if "status" in each["spec"]["versions"][0].get("subresources", {})
    }
    assert found == WITH_STATUS_ENDPOINT


def test_operator_writes_status_where_the_definitions_say() -> None:
    from sample_operator import api

    assert api._STATUS_ENDPOINT <= WITH_STATUS_ENDPOINT


def test_plurals_of_the_operator_are_those_of_the_definitions() -> None:
    from sample_operator import names

    for each in definitions():
        assert names.plural(each["spec"]["names"]["kind"]) == each["spec"]["names"]["plural"]


def test_what_every_dataflow_needs_is_there() -> None:
    assert MANAGERS.keys() >= {"whitebox-k8s-flowctrl", "WBFunction", "WBConnection"}
    assert DAEMONS.keys() >= {"CPUFunction", "GPUFunction", "DeviceInfo", "EthernetConnection"}


@pytest.mark.parametrize(("folder", "image"), MANAGERS.items())
def test_managers_run_on_the_control_plane(folder: str, image: str) -> None:
    config = ROOT / "src" / folder / "config"
    assert documents(config / "default/kustomization.yaml")[0]["namespace"] == f"{image}-system"
    assert documents(config / "manager/kustomization.yaml")[0]["images"][0]["newName"] == f"localhost/{image}"
    deployment = documents(config / "manager/manager.yaml")[1]
    assert "node-role.kubernetes.io/control-plane" in deployment["spec"]["template"]["spec"]["nodeSelector"]


@pytest.mark.parametrize(("folder", "image"), DAEMONS.items())
def test_daemons_find_the_kubeconfig_of_their_node(folder: str, image: str) -> None:
    daemon = documents(ROOT / f"src/{folder}/config/samples/crc_{image}_daemonset.yaml")[0]
    pod = daemon["spec"]["template"]["spec"]
    assert daemon["metadata"]["name"] == f"crc-{image}-daemon"
    assert pod["containers"][0]["image"] == f"localhost/{image}:1.1.0"
    assert pod["volumes"][0]["hostPath"] == {"path": "/etc/k8s_node/config", "type": "File"}


@pytest.mark.parametrize("folder", [*MANAGERS, *DAEMONS])
def test_the_image_of_each_controller_holds_the_modules_of_its_role_and_no_others(folder: str) -> None:
    stages = dockerfiles.stages((ROOT / "src" / folder / "Dockerfile").read_text())
    copied = [source for each in dockerfiles.copies(stages[-1]) if not each.stage for source in each.sources]
    needed = {"__init__", "__main__"} | modules_of(role_of(folder)) | modules_of("__main__")
    assert sorted(copied) == sorted(f"sample_operator/{name}.py" for name in needed)


def test_the_images_of_the_controllers_differ_in_nothing_else() -> None:
    texts = [(ROOT / "src" / folder / "Dockerfile").read_text() for folder in (*MANAGERS, *DAEMONS)]
    assert (
        len({re.sub(r"COPY sample_operator/__init__[^:]*?/operator/sample_operator/\n", "", text) for text in texts})
        == 1
    )


def role_of(folder: str) -> str:
    manifests = [*(ROOT / "src" / folder).glob("config/manager/manager.yaml"), *daemon_sets(folder)]
    (workload,) = [
        document for file in manifests for document in documents(file) if "template" in document.get("spec", {})
    ]
    role = str(workload["spec"]["template"]["spec"]["containers"][0]["args"][0])
    assert role in operator.ROLES
    return role


def modules_of(name: str) -> set[str]:
    """Return the modules of the operator that one of them imports, and itself."""
    tree = ast.parse((ROOT / f"src/sample_operator/{name}.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]
    found = {each for node in imports for each in ([node.module] if node.module else [one.name for one in node.names])}
    return {name}.union(*map(modules_of, found))


def daemon_sets(folder: str) -> Iterable[Path]:
    return (ROOT / "src" / folder).glob("config/samples/crc_*_daemonset.yaml")


def test_images_of_the_scenarios_can_be_built() -> None:
    built = {file.parent.name for file in ROOT.glob("sample-functions/**/Dockerfile")}
    used = {"send_video_tool"}
    files = SCENARIO.parents[1].rglob("cm-cpufunc-config.yaml")
    for config in itertools.chain.from_iterable(map(documents, files)):
        for entry in json.loads(next(iter(config["data"].values()))):
            used |= {each["image"].split("/")[-1].split(":")[0] for each in entry["template"]["spec"]["containers"]}
    assert used <= built <= {image.name for image in FUNCTION_IMAGES}


def objects(root: Path, pattern: Pattern) -> dict[str, dict[str, Any]]:
    """The objects of a pattern in a source of the controller, by kind, namespace and name; JSON inside them is read."""
    found = {}
    for file in ("functioninfo.yaml", "functiontype.yaml", "functionchain.yaml", "df-cpufunc.yaml"):
        for body in documents(root / SCENARIOS / pattern.folder / file):
            content = {key: json.loads(text) for key, text in body.get("data", {}).items()}
            found["/".join((body["kind"], *sorted(body["metadata"].values())))] = body.get("spec", content)
    return found


def configurations(root: Path, pattern: Pattern) -> dict[tuple[str, ...], dict[str, Any]]:
    """How the functions of a pattern run: what matters to the controller, by configuration and protocols."""
    return {
        (body["metadata"]["name"], entry["rxProtocol"], entry["txProtocol"]): outline(entry)
        for body in documents(root / SCENARIOS / pattern.folder / "cm-cpufunc-config.yaml")
        for text in body["data"].values()
        for entry in json.loads(text)
    }


def outline(entry: dict[str, Any]) -> dict[str, Any]:
    pod = entry["template"]["spec"]
    fields = ("Annotations", "additionalNetwork", "virtualNetworkDeviceDriverType", "ipam", "imageURI")
    return {
        "pod": {field: pod.get(field, False) for field in ("hostNetwork", "hostIPC", "shareProcessNamespace")},
        "containers": [(each["name"], each["image"], each.get("ports")) for each in pod["containers"]],
        "privileged": [each.get("securityContext", {}).get("privileged", False) for each in pod["containers"]],
        "on the node": [each["hostPath"] for each in pod["volumes"] if "hostPath" in each],
        **{field: entry.get(field) for field in fields},
    }


@pytest.fixture(params=SOURCES, ids=lambda root: root.name)
def source(request: pytest.FixtureRequest) -> Path:
    """A source of the controller: the sample, and the real one where it is at hand."""
    root: Path = request.param
    return root


@pytest.mark.parametrize("pattern", SINGLE, ids=lambda pattern: pattern.name)
def test_every_pattern_has_the_objects_of_the_real_scenario(source: Path, pattern: Pattern) -> None:
    sample = objects(ROOT, pattern)
    assert sample == objects(source, pattern)
    chain = next(spec for name, spec in sample.items() if name.startswith("FunctionChain/"))
    assert set(chain["functions"]) == {hop.key for hop in pattern.hops}
    assert f"DataFlow/{'/'.join(sorted((pattern.dataflow, pattern.namespace)))}" in sample


@pytest.mark.parametrize("pattern", SINGLE, ids=lambda pattern: pattern.name)
def test_functions_run_as_the_real_scenario_runs_them(source: Path, pattern: Pattern) -> None:
    real = configurations(source, pattern)
    sample = configurations(ROOT, pattern)
    assert sample == {key: real[key] for key in sample}
    assert {key[0] for key in sample} == {key[0] for key in real}
    for entry in sample.values():
        network = (entry["Annotations"] or {}).get("ethernet.swb.example.com/network", "sriov")
        assert (network, entry["ipam"]) == (pattern.network, [SRIOV_NETWORK] if network == "sriov" else None)


def test_models_of_gpus_are_called_as_the_real_controller_calls_them(source: Path) -> None:
    for file, key in ((DEVICE_TYPES, "inputDeviceType"), (REGIONS, "subDeviceSpecRef")):
        sample, real = (
            {each[key]: each for each in json.loads((root / JSON / file).read_text())} for root in (ROOT, source)
        )
        assert sample
        assert sample == {model: real[model] for model in sample}


def test_chain_leads_from_start_to_end_through_every_function() -> None:
    from sample_operator.placement import keys_in_order

    chain = documents(SCENARIO / "functionchain.yaml")[0]["spec"]
    assert keys_in_order(chain["connections"]) == ["send", "plus", "minus", "multiply", "divide", "average", "rcv"]
    assert set(keys_in_order(chain["connections"])) == set(chain["functions"])
