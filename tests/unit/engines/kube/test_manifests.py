"""tasks.engines.kube.manifests: content digests, the order, and what counts as a difference."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.engines.kube import manifests
from tasks.problems import Problem


def test_the_mark_changes_with_the_content_only() -> None:
    one = manifests.stamped(manifests.config_map("a", "default", {"x": "1", "y": "2"}))
    reordered = manifests.stamped(manifests.config_map("a", "default", {"y": "2", "x": "1"}))
    other = manifests.stamped(manifests.config_map("a", "default", {"x": "1", "y": "3"}))
    marks = [item["metadata"]["annotations"][manifests.CONTENT] for item in (one, reordered, other)]
    assert marks[0] == marks[1] != marks[2]


def test_stamping_drops_what_only_a_server_writes_and_leaves_the_input_alone() -> None:
    item = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x", "creationTimestamp": None}, "status": {}}
    stamped = manifests.stamped(item)
    assert "status" not in stamped
    assert "creationTimestamp" not in stamped["metadata"]
    assert "annotations" not in item["metadata"]


def test_definitions_and_namespaces_come_first_and_workloads_last() -> None:
    kinds = ["Deployment", "ConfigMap", "Namespace", "DaemonSet", "CustomResourceDefinition", "ClusterRole"]
    items = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}} for kind in kinds]
    waves = [{item["kind"] for item in wave} for wave in manifests.waves(items)]
    assert waves == [
        {"Namespace", "CustomResourceDefinition"},
        {"ConfigMap", "ClusterRole"},
        {"Deployment", "DaemonSet"},
    ]


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"a": 1}, {"a": 1, "default": True}),
        ({"a": {}, "b": None, "c": [], "d": False}, {}),
        ({"cpu": "1000m"}, {"cpu": "1"}),
        ({"memory": "1024Mi"}, {"memory": "1Gi"}),
        ([{"name": "x"}], [{"name": "x", "protocol": "TCP"}]),
    ],
)
def test_what_a_server_adds_or_rewrites_is_no_difference(wanted: Any, live: Any) -> None:
    assert manifests.fits(wanted, live)


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": {"b": "x"}}, {"a": None}),
        ({"cpu": "100m"}, {"cpu": "1"}),
        (["x"], ["x", "y"]),
        (["x", "y"], ["y", "x"]),
        ({"v": "1.1.0"}, {"v": "1.1.1"}),
    ],
)
def test_what_a_hand_changed_is_a_difference(wanted: Any, live: Any) -> None:
    assert not manifests.fits(wanted, live)


def test_bad_yaml_and_things_that_are_no_objects_are_one_line_naming_the_file() -> None:
    with pytest.raises(Problem, match=r"^cm\.yaml: not YAML"):
        manifests.parse("a: [", "cm.yaml")
    with pytest.raises(Problem, match=r"^cm\.yaml: holds something"):
        manifests.parse("- a list", "cm.yaml")


def test_empty_documents_are_left_out() -> None:
    text = "---\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n"
    assert [manifests.label_of(item) for item in manifests.parse(text, "x")] == ["Namespace a"]


def test_what_is_made_of_a_text_is_not_seen_by_whoever_reads_it_next() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n"
    manifests.parse(text, "here")[0]["metadata"]["name"] = "two"
    assert manifests.name_of(manifests.parse(text, "here")[0]) == "one"


def test_a_value_that_is_no_json_is_refused_with_its_file() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n  made: 2026-01-01\n"
    with pytest.raises(Problem, match=r"^here: holds what JSON cannot"):
        manifests.parse(text, "here")
