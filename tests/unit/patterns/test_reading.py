"""tasks.patterns.reading: what a pattern.yaml says, and what is said of one that is wrong."""

from __future__ import annotations

import json

import pytest

from tasks.patterns import form, reading
from tasks.settings import checks, controller, paths

GOOD = """\
namespace: mine
dataflow: df-mine
functions:
  - {key: send, image: cpufunc_calcapp}
  - key: square
    image: square
  - {key: rcv, image: cpufunc_calcapp}
images: [cpufunc_sidecar]
verify:
  values:
    client: /calcapp
    inputs: [1, 2.5, "3"]
    expected: {square: 55}
  log:
    - {function: square, line: 'squared \\d+'}
"""


def complaints(text: str) -> list[str]:
    found = reading.read(text.encode(), "work/patterns/mine/pattern.yaml")
    assert bool(found.spec) != bool(found.complaints)
    return [line.removeprefix("work/patterns/mine/pattern.yaml:") for line in found.complaints]


def test_the_fields_are_those_that_are_written_and_the_defaults() -> None:
    found = reading.read(GOOD.encode(), "file")
    assert not found.complaints
    assert found.spec["network"] == "clusterip"
    assert [each["key"] for each in found.spec["functions"]] == ["send", "square", "rcv"]
    assert found.spec["verify"]["values"] == {
        "client": "/calcapp",
        "inputs": ["1", "2.5", "3"],
        "expected": {"square": 55.0},
        "tolerance": 0.0,
    }
    assert found.spec["verify"]["log"] == [{"function": "square", "line": r"squared \d+", "seconds": 60.0}]
    assert found.spec["verify"]["video"] is None
    assert json.loads(json.dumps(found.spec)) == found.spec


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("dataflow: df-mine", "dataflw: df-mine", ["2: dataflw: is no field here; did you mean dataflow?"]),
        ("namespace: mine\n", "", ["1: namespace: is missing"]),
        ("namespace: mine", "namespace: 7", ["1: namespace: 7 is not text (quote it)"]),
        ("namespace: mine", "namespace: Mine", ["1: namespace: 'Mine' is not a name of lower-case"]),
        ("    image: square\n", "", ["5: functions[1].image: is missing"]),
        ("    image: square", "    image: square\n    nodes: kind-worker", ["7: functions[1].nodes: is no field here"]),
        ("key: rcv", "key: send", ["7: functions[2].key: 'send' is the key of another function too"]),
        ("verify:", "network: sriof\nverify:", ["9: network: 'sriof' is not 'clusterip', 'loadbalancer' or 'sriov'"]),
        ("{square: 55}", "{sqare: 55}", ["13: verify.values.expected.sqare: 'sqare' is the key of no function; did"]),
        ("{square: 55}", "{square: total}", ["13: verify.values.expected.square: 'total' is neither a number nor one"]),
        ("[1, 2.5", "[one, 2.5", ["12: verify.values.inputs[0]: 'one' is not a decimal number"]),
        ("squared \\d+", "squared (", ["15: verify.log[0].line: 'squared (' is not a regular expression"]),
        ("function: square", "function: rec", ["15: verify.log[0].function: 'rec' is the key of no function"]),
        ("line: 'squared \\d+'", "line: x, seconds: 0", ["15: verify.log[0].seconds: 0 is not greater than 0"]),
        ("images:", "multi_worker: [rvc]\nimages:", ["8: multi_worker[0]: 'rvc' is the key of no function; did you"]),
        ("images:", "multi_worker: [send, square, rcv]\nimages:", ["8: multi_worker: leaves no function on the first"]),
        (
            "{key: send,",
            "{key: send, node: first,",
            ["5: functions[1].node: is missing, but other", "7: functions[2].node: is missing, but other"],
        ),
        ("images:", "namespace: other\nimages:", ["8: namespace: is given twice"]),
        ("images: [", "images: [[", ["9: is not YAML:"]),
        ("  log:", "  video: {}\n  log:", ["14: verify.video: cannot be verified together with values"]),
        (GOOD, "", ["1: holds no fields"]),
        (GOOD, "- a\n", ["1: holds no fields"]),
        (GOOD, "functions: []\nnamespace: a\ndataflow: b\nverify: {}\n", ["1: functions: is empty"]),
        (GOOD, "a: \x07\n", ["1: is not YAML:"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_field(before: str, after: str, wanted: list[str]) -> None:
    assert before in GOOD
    found = complaints(GOOD.replace(before, after, 1))
    assert len(found) == len(wanted), found
    for line, start in zip(found, wanted, strict=True):
        assert line.startswith(start), line


def test_values_of_two_functions_are_told_apart_by_their_names() -> None:
    text = GOOD.replace("{key: rcv,", "{key: rcv, operator: square,")
    assert complaints(text) == []
    found = complaints(text.replace("{square: 55}", "{square: 55, rcv: 1}"))
    assert found == ["7: functions[2].operator: 'square' is what the value of another function is called too"]


def test_all_faults_are_said_at_once() -> None:
    text = GOOD.replace("namespace: mine", "namespace: Mine").replace("image: square", "image: SQUARE")
    assert [line.partition(":")[0] for line in complaints(text)] == ["1", "6"]


def test_bytes_that_are_no_text_are_said() -> None:
    found = reading.read(b"a: \xff\xfe", "file")
    assert len(found.complaints) == 1
    assert found.complaints[0].startswith("file:1: is not YAML: ")


def test_the_published_schema_is_that_of_the_form() -> None:
    published = json.loads((paths.PATTERNS / "pattern.schema.json").read_text(encoding="utf-8"))
    assert published == form.schema()


def test_what_a_pattern_may_need_are_words_of_the_checks() -> None:
    allowed = form.schema()["properties"]["needs"]["items"]["enum"]
    assert allowed == [checks.VIDEO, checks.GPU]


@pytest.mark.parametrize("namespace", ["kube-system", "kube-mine", "default", "wbfunction-system", "metallb-system"])
def test_a_namespace_of_the_cluster_or_the_controller_is_no_patterns(namespace: str) -> None:
    expected = f"1: namespace: {namespace!r} belongs to the cluster, the controller or an add-on"
    assert complaints(GOOD.replace("namespace: mine", f"namespace: {namespace}")) == [expected]


def test_all_namespaces_that_the_controller_brings_are_taken() -> None:
    managers = [f"{part.image}-system" for part in controller.COMPONENTS if part.role == "manager"]
    assert {*managers, *controller.NAMESPACES} <= {*form.RESERVED}


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("dataflow: df-mine", "dataflow: a-wbfunction-b", "2: dataflow: 'a-wbfunction-b' has the word wbfunction, at"),
        ("key: rcv", "key: wb-rcv", "7: functions[2].key: 'wb-rcv' begins with wb-, as the ends of a chain do"),
        ("key: rcv", f"key: {'r' * 37}", "7: functions[2].key: df-mine-wbfunction-rrr"),
    ],
)
def test_names_from_which_the_controller_makes_others_have_to_allow_that(before: str, after: str, wanted: str) -> None:
    assert [line[: len(wanted)] for line in complaints(GOOD.replace(before, after))] == [wanted]


def test_the_longest_name_of_a_pod_is_allowed() -> None:
    longest = "r" * (63 - len("df-mine-wbfunction--cpu-pod"))
    assert complaints(GOOD.replace("key: rcv", f"key: {longest}")) == []
