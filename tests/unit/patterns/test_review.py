"""tasks.patterns.review: what a pattern refers to has to be there, as the controller takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.patterns import known, places, review
from tasks.settings import paths
from tests.unit import own_patterns

if TYPE_CHECKING:
    from pathlib import Path

REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (paths.SAMPLE, REAL) if root.is_dir()]
FLOW, CHAIN, TYPES, INFO, CONFIG = (
    *("df-cpufunc.yaml", "functionchain.yaml", "functiontype.yaml", "functioninfo.yaml", "cm-cpufunc-config.yaml"),
)
SEND_TYPE = "  functionName: mine-send\n  version: 1.0.0\n"
SEND_NAME = "  name: funcinfo-mine-send\n  namespace: "
SEND_ITEM = '"configName": "cpufunc-config-mine-send", "specName": "spec1"}]'
# The first function's entry, and what follows its name in its ConfigMap.
SEND = 'mine-send.json: |\n    [\n      {\n        "rxProtocol": "RTP",\n        "txProtocol": "TCP",\n'
SEND_IMAGE = f'{SEND}        "imageURI": "localhost/cpufunc_calcapp:latest",\n'
RECEIVE = '"rxProtocol": "TCP",\n        "txProtocol": "RTP"'


@pytest.fixture(autouse=True)
def source(tree: Path) -> Path:
    """The sample controller, as if it had been unpacked."""
    paths.BUILD.mkdir(exist_ok=True)
    paths.CONTROLLER.symlink_to(paths.SAMPLE)
    return tree


@pytest.fixture
def mine() -> Path:
    """A pattern with which nothing is wrong."""
    return own_patterns.write("mine")


def complaints(name: str = "mine") -> list[str]:
    return review.complaints(known.named(name))


@pytest.mark.parametrize("root", SOURCES, ids=lambda root: root.name)
def test_nothing_is_wrong_with_the_projects_patterns(root: Path) -> None:
    paths.CONTROLLER.unlink()
    paths.CONTROLLER.symlink_to(root)
    looked = [pattern for pattern in known.patterns() if places.files(pattern)]
    assert len(looked) == len(known.patterns())
    assert [line for pattern in looked for line in review.complaints(pattern)] == []


@pytest.mark.usefixtures("mine")
def test_nothing_is_wrong_with_an_own_pattern_that_is_made_from_one_of_them() -> None:
    assert complaints() == complaints("mine-multi-worker") == []


@pytest.mark.parametrize(
    "case",
    [
        (FLOW, "kind: DataFlow", "kind: [", ": is not YAML: "),
        (FLOW, "apiVersion: example.com/v1", "apiVersion: v1", ":1: apiVersion: 'v1' is not that of DataFlow: exa"),
        (FLOW, "kind: DataFlow", "kind: Secret", ":2: kind: Secret cannot be in a pattern, only ConfigMap, Functi"),
        (FLOW, "kind: DataFlow\n", "", ":1: is no Kubernetes object"),
        (FLOW, "  name: df-mine\n", "  name: df-yours\n", ":4: metadata.name: 'df-yours' is not the dataflow of w"),
        (FLOW, "  name: df-mine\n", "", ":3: metadata.name: is missing"),
        (FLOW, "    name: mine-chain", "    name: mein-chain", "no FunctionChain cpufunc-mine/mein-chain in these"),
        (FLOW, "    name: mine-chain", "    name: mine-chan", "; did you mean mine-chain?"),
        (FLOW, "      capacity: 1", "      capacity: much", "spec.requirements.all.capacity: is not a whole number"),
        (FLOW, "  requirements:\n    all:\n      capacity: 1", "", "spec.requirements: is missing"),
        (FLOW, "spec:\n", "spec:\n  userRequirement: there\n", ":7: spec.userRequirement: no ConfigMap cpufunc-mi"),
        (CHAIN, "    plus: {", "    plsu: {", ":11: spec.functions.plsu: is the key of no function in work/patter"),
        (CHAIN, "    plus: {", "    plsu: {", ":9: spec.functions: has no plus, which work/patterns/mine/pattern."),
        (CHAIN, "    plus: {", "    send: {", ":11: send: is given twice"),
        (CHAIN, "to: {functionKey: plus,", "to: {functionKey: minus,", "send > minus is no step of wb-start-of-ch"),
        (CHAIN, "to: {functionKey: plus,", "to: {functionKey: minus,", ":17: spec.connections: send > plus is mis"),
        (CHAIN, "{functionKey: plus, port: 0}\n      to", "{functionKey: plus, port: -1}\n      to", "port: -1 is"),
        (CHAIN, "functionTypeNamespace: cpufunc-mine", "functionTypeNamespace: x", ":7: spec.functionTypeNamespac"),
        (CHAIN, "{functionName: mine-plus, version: 1.0.0}", "{functionName: mine-plus, version: 2.0.0}", "mine-p"),
        (CHAIN, "{functionName: mine-plus, version: 1.0.0}", "{functionName: mine-plus, version: 1.0}", "1.0 is n"),
        (TYPES, SEND_TYPE, SEND_TYPE.replace("send", "sent"), "no FunctionType of mine-send 1.0.0 in these files"),
        (TYPES, SEND_TYPE, SEND_TYPE.replace("send", "plus"), "mine-plus 1.0.0 has two FunctionTypes"),
        (TYPES, "name: functype-mine-send", "name: functype-mine-plus", "is there 2 times"),
        (TYPES, "name: functype-mine-send", "name: Mine", "metadata.name: 'Mine' is not the name of an object"),
        (TYPES, "    name: funcinfo-mine-send\n", "    name: funcinfo-mine-sent\n", "no ConfigMap cpufunc-mine/fu"),
        (INFO, f"{SEND_NAME}cpufunc-mine", f"{SEND_NAME}other", ":5: metadata.namespace: 'other' is not cpufunc-mine"),
        (INFO, SEND_ITEM, SEND_ITEM.replace("send", "sent"), "deployableItems[0].configName: no ConfigMap default"),
        (INFO, SEND_ITEM, SEND_ITEM.replace("spec1", "spec2"), "'spec2' is not in spec; did you mean spec1?"),
        (INFO, SEND_ITEM, SEND_ITEM.replace('"spec1"', "1"), "data.deployableItems[0].specName: 1 is not text"),
        (INFO, SEND_ITEM, SEND_ITEM[:-1], ":7: data.deployableItems: Invalid JSON"),
        (CONFIG, SEND, SEND.replace('"RTP"', '"TCP"'), "has no entry with rxProtocol RTP and txProtocol TCP, whic"),
        (CONFIG, RECEIVE, RECEIVE.replace("RTP", "TCP"), "rxProtocol TCP and txProtocol RTP, which rcv needs"),
        (CONFIG, SEND, SEND.replace('        "rxProtocol": "RTP",\n', ""), "[0].rxProtocol: is missing"),
        (CONFIG, "name: cpufunc-config-mine-send\n", "name: cpufunc-config-mine-x\n", "no ConfigMap default/cpufu"),
        (CONFIG, SEND_IMAGE, SEND_IMAGE.replace("calcapp", "sum"), "runs cpufunc_sum, which work/patterns/mine/pa"),
        ("pattern.yaml", "images: [cpufunc_sidecar]", "images: []", "runs cpufunc_sidecar, which work/patterns/mi"),
        ("pattern.yaml", "[cpufunc_sidecar]", "[cpufunc_sidecar, cpufunc_gst]", "no function in these files runs c"),
        ("pattern.yaml", "{key: plus, image: cpufunc_calcapp}", "{key: plus, image: sum}", ", but plus is to run "),
        ("pattern.yaml", "plus, image: cpufunc_calcapp}", "plus, image: cpufunc_calcapp, gpu: true}", "on no GPU"),
        ("pattern.yaml", "network: clusterip", "network: sriov", "has the network 'clusterip', but work/patterns/"),
        ("pattern.yaml", "network: clusterip", "network: loadbalancer", "no function has the network loadbalancer"),
        ("pattern.yaml", "namespace: cpufunc-mine", "namespace: elsewhere", "'cpufunc-mine' is not elsewhere or d"),
    ],
)  # fmt: skip
def test_what_is_missing_or_does_not_fit_is_said_with_its_file(mine: Path, case: tuple[str, str, str, str]) -> None:
    file, before, after, expected = case
    own_patterns.edit(mine / file, before, after)
    found = complaints()
    assert any(expected in line for line in found), found
    assert all(line.startswith("work/patterns/mine/") and "\n" not in line for line in found)


@pytest.mark.parametrize(
    ("entry", "changed", "expected"),
    [
        ('"Annotations": {"ethernet.swb.example.com/network": "clusterip"}', '"x": {}', "has no ethernet.swb.exam"),
        ('"ports": [{"containerPort": 8080, "protocol": "TCP"}]', '"ports": []', "has no containerPort, at which "),
        ('"protocol": "TCP"', '"protocol": "RTP"', "protocol: 'RTP' is not 'TCP', 'UDP' or 'SCTP'"),
        ('"containerPort": 8080', '"containerPort": 80800', "containerPort: 80800 is more than 65535"),
        ('"imageURI"', '"IMAGEURI"', ""),
    ],
)  # fmt: skip
def test_the_pod_of_a_function_has_what_the_controller_takes(
    mine: Path, entry: str, changed: str, expected: str
) -> None:
    file = mine / CONFIG
    first, rest = file.read_text(encoding="utf-8").split("---", maxsplit=1)
    assert entry in first
    file.write_text(f"{first.replace(entry, changed, 1)}---{rest}", encoding="utf-8")
    found = complaints()
    assert any(expected in line for line in found) if expected else found == []


def test_too_few_connections_and_a_first_function_on_a_gpu_are_refused(mine: Path) -> None:
    file = mine / INFO
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"maxOutputNum": 1', '"maxOutputNum": 0', 1), encoding="utf-8")
    assert [line.partition(": ")[2] for line in complaints()] == [
        "data.spec: allows no connection in and out (maxInputNum, maxOutputNum)"
    ]
    file.write_text(text.replace('"regionType": "cpu"', '"regionType": "a100"', 1), encoding="utf-8")
    assert any("send has no gpu: true, but is on a GPU here" in line for line in complaints())
    own_patterns.edit(mine / "pattern.yaml", "{key: send, image: cpufunc_calcapp}", "{key: send, image: a, gpu: true}")
    assert any("send is the first function: the controller starts none on a GPU" in line for line in complaints())


def test_a_placement_of_ones_own_is_let_through_and_names_that_are_taken_are_not(mine: Path) -> None:
    own_patterns.edit(mine / FLOW, "spec:\n", "spec:\n  userRequirement: where\n")
    extra = mine / "where.yaml"
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: where, namespace: cpufunc-mine}\ndata: {strategy: strategy}"
    )
    extra.write_text(text, encoding="utf-8")
    assert complaints() == []
    extra.write_text(text.replace("name: where", "name: strategy"), encoding="utf-8")
    at = "work/patterns/mine/where.yaml:3: metadata.name:"
    taken = f"{at} {{!r}} is a ConfigMap of the cluster, the controller or this tool"
    assert taken.format("strategy") in complaints()
    text = text.replace("cpufunc-mine", "default")
    extra.write_text(text.replace("name: where", "name: deployinfo"), encoding="utf-8")
    assert taken.format("deployinfo") in complaints()


def test_files_of_any_name_and_of_any_division_are_read(mine: Path) -> None:
    files = sorted(each for each in mine.glob("*.yaml") if each.name != "pattern.yaml")
    text = "\n---\n".join(each.read_text(encoding="utf-8") for each in files)
    for each in files:
        each.unlink()
    (mine / "all.yaml").write_text(text, encoding="utf-8")
    assert complaints() == []
    (mine / "all.yaml").write_text(text.replace("kind: DataFlow", "kind: Flow"), encoding="utf-8")
    (line,) = complaints()
    assert line.startswith("work/patterns/mine/all.yaml:")
    assert ": kind: Flow cannot be in a pattern" in line


def test_an_object_that_is_missing_altogether_is_named(mine: Path) -> None:
    (mine / FLOW).unlink()
    assert complaints() == ["work/patterns/mine: holds no DataFlow df-mine"]


def test_a_file_that_changed_is_read_again(mine: Path) -> None:
    assert complaints() == []
    own_patterns.edit(mine / FLOW, "    name: mine-chain", "    name: no-chain")
    assert len(complaints()) == 1
    own_patterns.edit(mine / FLOW, "    name: no-chain", "    name: mine-chain")
    assert complaints() == []


def test_two_patterns_that_would_overwrite_each_other_name_both_files(mine: Path) -> None:
    own_patterns.write("other")
    config = (mine / CONFIG).read_text(encoding="utf-8")
    assert complaints() == complaints("other") == []
    # The same name and the same content: nobody is harmed.
    shared = config.replace("name: cpufunc-config-mine-send", "name: shared").partition("---")[0]
    for each in ("mine", "other"):
        (paths.OWN_PATTERNS / each / "shared.yaml").write_text(shared, encoding="utf-8")
    assert complaints() == complaints("other") == []
    (mine / "shared.yaml").write_text(shared.replace("8080", "8081"), encoding="utf-8")
    at = "work/patterns/{}/shared.yaml:4: metadata.name: ConfigMap default/shared is another one in work/patterns/{}/"
    assert [line.startswith(at.format("mine", "other")) for line in complaints()] == [True]
    assert [line.startswith(at.format("other", "mine")) for line in complaints("other")] == [True]


def test_an_own_pattern_does_not_take_the_place_of_the_projects_objects(mine: Path) -> None:
    for file in (CONFIG, INFO):
        text = (
            (mine / file).read_text(encoding="utf-8").replace("cpufunc-config-mine-send", "cpufunc-config-calcapp-send")
        )
        (mine / file).write_text(text, encoding="utf-8")
    assert complaints() == []
    (mine / CONFIG).write_text((mine / CONFIG).read_text(encoding="utf-8").replace("8080", "8081", 1), encoding="utf-8")
    (line,) = complaints()
    assert line == (
        f"work/patterns/mine/{CONFIG}:4: metadata.name: ConfigMap default/cpufunc-config-calcapp-send is another one in"
        f" test/sample-data/sample-data-for-all-in-one/calc-func/basic/{CONFIG}"
    )


def test_a_function_type_of_the_same_function_in_one_namespace_is_refused(mine: Path) -> None:
    for each in mine.glob("*.yaml"):
        each.write_text(each.read_text(encoding="utf-8").replace("cpufunc-mine", "cpufunc-calcapp"), encoding="utf-8")
    known.forget()
    assert complaints() == []
    for file in (TYPES, CHAIN):
        text = (mine / file).read_text(encoding="utf-8")
        (mine / file).write_text(
            text.replace("functionName: mine-plus", "functionName: calcapp-plus"), encoding="utf-8"
        )
    (line,) = complaints()
    assert "functype-calcapp-plus in test/sample-data" in line
    assert line.endswith("is of the same function and version: the controller takes either")


def test_what_is_wrong_with_another_pattern_is_no_fault_of_this_one(mine: Path) -> None:
    other = own_patterns.write("other")
    (other / CONFIG).write_text("{", encoding="utf-8")
    assert complaints() == []
    assert complaints("other")
