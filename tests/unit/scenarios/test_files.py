"""tasks.scenarios.files: a pattern's objects as they are applied, from the sample and from the real controller."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.engines.kube import manifests
from tasks.patterns import known, places
from tasks.problems import Problem
from tasks.scenarios.files import Scenario, with_references
from tasks.settings import controller as controller_settings
from tasks.settings import paths
from tasks.settings.checks import GPU, NICS

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.patterns.model import Pattern

REFERENCES = {"cpufunc_calcapp": "registry/calcapp:1", "cpufunc_sidecar": "registry/sidecar:1"}
REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (paths.SAMPLE, REAL) if root.is_dir()]
SINGLE, MULTI = known.named("calcapp-basic"), known.named("calcapp-basic-multi-worker")


@pytest.fixture(params=SOURCES, ids=lambda root: root.name)
def source(request: pytest.FixtureRequest, checkout: Path) -> Path:
    """The source of a controller, as if it had been unpacked."""
    del checkout
    paths.BUILD.mkdir()
    paths.CONTROLLER.symlink_to(request.param)
    return paths.CONTROLLER


def scenario(pattern: Pattern) -> Scenario:
    return Scenario(pattern, lambda: ("one", "two"), lambda _names: REFERENCES)


@pytest.mark.usefixtures("source")
def test_every_function_runs_our_images() -> None:
    maps = [item for item in scenario(SINGLE).configuration() if item["metadata"]["namespace"] == "default"]
    assert len(maps) == 7
    for item in maps:
        for content in item["data"].values():
            containers = json.loads(content)[0]["template"]["spec"]["containers"]
            assert [container["image"] for container in containers] == ["registry/calcapp:1", "registry/sidecar:1"]


def test_images_are_ours_however_a_file_quotes_its_json() -> None:
    content = '[{"imageURI": "localhost/cpufunc_calcapp:latest", "image":"other.example/far:2"}]'
    for quoted in (f"data: {{a: '{content}'}}", f"data: {{a: {json.dumps(content)}}}", f"data:\n  a: |\n    {content}"):
        ours = yaml.safe_load(with_references(quoted, REFERENCES))["data"]["a"]
        assert json.loads(ours) == [{"imageURI": "registry/calcapp:1", "image": "other.example/far:2"}]


@pytest.mark.usefixtures("source")
def test_the_files_hold_the_pattern_of_the_table() -> None:
    types, (chain,) = scenario(SINGLE).resources().values()
    assert manifests.name_of(chain) == "calcapp-chain"
    assert set(chain["spec"]["functions"]) == {hop.key for hop in SINGLE.hops}
    assert len(types) == len(SINGLE.hops)
    flow = scenario(SINGLE).data_flow()
    assert (manifests.name_of(flow), manifests.namespace_of(flow)) == (SINGLE.dataflow, SINGLE.namespace)
    assert "userRequirement" not in flow["spec"]


@pytest.mark.usefixtures("source")
def test_a_multi_worker_pattern_asks_for_the_nodes_of_this_cluster() -> None:
    assert scenario(MULTI).data_flow()["spec"]["userRequirement"] == "user-requirement"
    requirement, strategy = scenario(MULTI).configuration()[-2:]
    asked = yaml.safe_load(requirement["data"]["requestNodeNames"])
    assert requirement["data"]["strategy"] == manifests.name_of(strategy)
    assert {key for key, nodes in asked.items() if nodes == ["two"]} == {"divide", "average", "rcv"}
    assert {key for key, nodes in asked.items() if nodes == ["one"]} == {"send", "plus", "minus", "multiply"}
    assert [manifests.label_of(item) for item in (requirement, strategy)] == [
        "ConfigMap cpufunc-calcapp/user-requirement",
        "ConfigMap cpufunc-calcapp/strategy",
    ]
    assert yaml.safe_load(strategy["data"]["filterPipeline"]) == [
        *("GenerateCombinations", "TargetResourceFit", "TargetResourceFitScore"),
    ]
    assert strategy["data"]["selectTop"] == "3"


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("name", ["p2c1", "p2c4-multi-worker", "p1c1"])
def test_functions_of_a_gpu_run_on_one_that_the_archive_does_not_list(name: str) -> None:
    images = {image: f"registry/{image}:1" for image in known.named(name).images}
    usual = Scenario(known.named(name), lambda: ("one", "two"), lambda _names: images)
    wanted = Scenario(usual.pattern, usual.workers, usual.references, lambda: ["nvidia-h200"])
    types = {key: {item["regionType"] for item in items} for key, items in deployable(wanted).items()}
    on_gpu = {key for key, found in types.items() if "nvidia-h200" in found}
    assert on_gpu == {key for key in types if key.endswith("-dsa")}
    assert all(types[key] == {"a100", "nvidia-h200"} for key in on_gpu)
    assert {key: items[:1] for key, items in deployable(wanted).items()} == deployable(usual)
    (text,) = [text for file, text in wanted.texts().items() if file == "functioninfo.yaml"]
    assert ("nvidia-h200" in text) == bool(on_gpu)
    assert [item for item in wanted.configuration() if "spec" in item["data"]] == manifests.parse(text, "text")


def deployable(wanted: Scenario) -> dict[str, list[dict[str, str]]]:
    given = {manifests.name_of(item): item["data"].get("deployableItems") for item in wanted.configuration()}
    return {name: json.loads(text) for name, text in given.items() if text}


def test_an_image_that_a_scenario_no_longer_names_is_an_error(tree: Path) -> None:
    shutil.copytree(paths.SAMPLE, paths.CONTROLLER)
    file = places.folder(SINGLE) / "cm-cpufunc-config.yaml"
    assert tree in file.resolve().parents
    file.write_text(file.read_text(encoding="utf-8").replace("/cpufunc_sidecar", "/sidecar"), encoding="utf-8")
    with pytest.raises(Problem, match="calc-func/basic: names no image cpufunc_sidecar, but cpufunc_calcapp, sidecar"):
        scenario(SINGLE).configuration()


@pytest.mark.usefixtures("checkout")
def test_a_pattern_whose_files_are_not_there_is_an_error() -> None:
    with pytest.raises(Problem, match=r"calc-func/basic/cm-cpufunc-config\.yaml: not there"):
        scenario(SINGLE).data_flow()


def test_every_pattern_of_the_table_has_a_twin_and_a_name_of_its_own() -> None:
    single = [pattern for pattern in known.patterns() if not pattern.is_placed]
    assert len(known.patterns()) == len(known.table().by_name) == 2 * len(single)
    for pattern in single:
        twin = known.named(f"{pattern.name}-multi-worker")
        assert (twin.dataflow, twin.images, twin.needs) == (pattern.dataflow, pattern.images, pattern.needs)
        assert [hop.key for hop in twin.hops] == [hop.key for hop in pattern.hops]
        assert {hop.place for hop in twin.hops} == {"first", "second"}


def test_every_pattern_is_in_a_source_and_every_scenario_of_a_source_is_a_pattern() -> None:
    found = {
        file.parent.relative_to(root / controller_settings.SCENARIOS).as_posix()
        for root in SOURCES
        for file in (root / controller_settings.SCENARIOS).rglob("df-cpufunc.yaml")
    }
    named = {pattern.folder for pattern in known.patterns()}
    assert found == named if REAL in SOURCES else found <= named


@pytest.mark.parametrize("pattern", known.patterns(), ids=lambda pattern: pattern.name)
def test_every_pattern_of_a_source_is_what_its_files_say(pattern: Pattern, source: Path) -> None:
    folder = source / controller_settings.SCENARIOS / pattern.folder
    if not folder.is_dir():
        return
    maps = scenario(pattern).configuration()
    _, (chain,) = scenario(pattern).resources().values()
    flow = scenario(pattern).data_flow()
    assert flow["spec"]["functionChainRef"]["name"] == manifests.name_of(chain)
    assert (manifests.name_of(flow), manifests.namespace_of(flow)) == (pattern.dataflow, pattern.namespace)
    assert ordered(chain) == [hop.key for hop in pattern.hops]
    text = json.dumps(maps)
    assert ("sriov-ipam-config" in text) == (pattern.network == "sriov")
    assert (NETWORK.format("loadbalancer") in text) == (pattern.network == "loadbalancer")
    assert (NETWORK.format("clusterip") in text) == (pattern.network == "clusterip")
    assert ("a100" in text) == ("gpufunc_dsa" in pattern.images) == (GPU in pattern.needs)
    assert (pattern.vfs > 0) == (NICS in pattern.needs)


NETWORK = json.dumps(json.dumps("ethernet.swb.example.com/network") + ": " + json.dumps("{}"))[1:-1]


def ordered(chain: manifests.Object) -> list[str]:
    """Return the keys of a chain from its start to its end."""
    following = {each["from"]["functionKey"]: each["to"]["functionKey"] for each in chain["spec"]["connections"]}
    keys = ["wb-start-of-chain"]
    while keys[-1] != "wb-end-of-chain":
        keys.append(following[keys[-1]])
    return keys[1:-1]


@pytest.mark.usefixtures("source")
def test_patterns_that_share_a_namespace_ask_for_nodes_by_one_content() -> None:
    spread = [pattern for pattern in known.patterns() if pattern.is_placed]
    for namespace in known.namespaces():
        contents = {str(scenario(one)._placement()) for one in spread if one.namespace == namespace}
        assert len(contents) == 1
    assert scenario(known.named("p2c4-multi-worker")).requested_nodes() == {
        "pip": "one",
        "pipbr": "two",
        "dsa": "one",
        "rcv": "two",
    }
