"""From nothing to a verified answer, with nothing done twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tasks.engines.docker import containers
from tasks.settings import artifacts
from tests.cluster.lab import ANSWERS, BASIC, NAME, NAMESPACE, answers, function_pod, started

if TYPE_CHECKING:
    from tests.cluster.lab import Lab


def test_one_command_leads_from_no_cluster_to_a_verified_answer(lab: Lab) -> None:
    lab.run("delete_cluster")
    lab.user_kubeconfig.write_text("clusters: [")
    refused = lab.fail("create_cluster")
    assert f"kubeconfig: the user's kubeconfig: {lab.user_kubeconfig}: damaged" in refused
    assert lab.node_ids() == {}
    lab.user_kubeconfig.unlink()
    assert answers(lab.run(BASIC)) == ANSWERS


def test_kubectl_works_with_the_users_own_kubeconfig(verified: Lab) -> None:
    nodes = verified.kubectl("get", "nodes")["items"]
    versions = {node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes}
    ready = [c["status"] for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
    assert versions == dict.fromkeys(verified.node_names, "v1.31.0")
    assert ready == ["True"] * len(verified.node_names)
    assert verified.user_kubeconfig.stat().st_mode & 0o077 == 0


def test_a_worker_has_what_developers_use_there(verified: Lab) -> None:
    worker = f"{NAME}-worker"
    nodes = containers.exec_in(worker, ["kubectl", "get", "nodes", "--output=name"])
    assert nodes.split() == [f"node/{name}" for name in sorted(verified.node_names)]
    assert "crc-deviceinfo-daemon" in containers.exec_in(worker, ["crictl", "pods"])
    plugins = set(containers.exec_in(worker, ["ls", "/opt/cni/bin"]).split())
    assert {program.name for program in artifacts.CNI_PLUGINS.programs} <= plugins


def test_the_tools_own_kubectl_reaches_nodes_and_pods(verified: Lab) -> None:
    nodes = json.loads(verified.run("kubectl", "--", "get", "nodes", "-o", "json"))["items"]
    assert sorted(node["metadata"]["name"] for node in nodes) == sorted(verified.node_names)
    in_pod = ("kubectl", "-n", NAMESPACE, "exec", function_pod("plus"), "-c", "cpu-container0", "--", "sh", "-c")
    assert verified.run(*in_pod, "echo $HOSTNAME A=b") == f"{function_pod('plus')} A=b\n"
    assert verified.checkout.doit(*in_pod, "exit 7", env=verified.env).returncode == 7


def test_a_second_run_does_nothing_and_says_so(verified: Lab) -> None:
    verified.run("create_cluster_with_all")
    nodes = verified.node_ids()
    output = verified.run("create_cluster_with_all")
    assert output.startswith("Nothing to do: ")
    assert len(output.splitlines()) == 1
    assert verified.node_ids() == nodes


def test_a_second_dataflow_is_only_verified(verified: Lab) -> None:
    pods = verified.pod_uids()
    output = verified.run(BASIC)
    assert started(output) == [BASIC]
    assert answers(output) == ANSWERS
    assert verified.pod_uids() == pods
