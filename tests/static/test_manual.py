"""The table "The manual, row by row" of CONTRIBUTING: it is whole, and what it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from doit.loader import load_tasks

import dodo
from tasks.patterns import known
from tasks.settings import credentials
from tasks.settings.checks import CHECKS
from tasks.settings.parameters import layers
from tests.unit.settings.test_parameters import MANUAL

ROOT = Path(__file__).resolve().parents[2]
HEADING = "## The manual, row by row"
OPEN = "TODO"
# Targets of the original's Makefile, besides dataflow-<pattern>.
TARGETS = (
    *("images", "build-dir", "patch-kind", "dci-kind-base", "k8s", "dci-kind-node", "dci-kind-crio", "dci-non-acc"),
    *("dci-with-acc", "k8s-software", "kind-values", "unload-driver", "create-cluster", "put-sriov-ifs-to-worker"),
    *("put-sriov-ifs-to-worker2", "install-multus", "install-sriov-dp", "create-cpufunc-ns", "install-metallb"),
    *("install-nvidia-k8s-ipam", "setup-cpufunc-sample", "apply-cpufunc-sample", "send-video-tool", "post-setup"),
    *("prepare-scenario", "create-cluster-without-scenario", "create-cluster-with-all", "delete-cluster", "clean"),
)
# Its variables that the manual's table does not have, without the machine's own such as the path of kind.
VARIABLES = (
    *("UBUNTU_IMAGE_NAME", "BASE_IMAGE_NAME", "NODE_IMAGE_NAME", "CRIO_IMAGE_NAME", "DCI_NODE_IMAGE_NAME"),
    *("DCI_ACC_IMAGE_NAME", "FLOWCTRL_NEW_URL", "WBFUNCTION_NEW_URL", "WBCONNECTION_NEW_URL", "CPUFUNCTION_NEW_URL"),
    *("GPUFUNCTION_NEW_URL", "FPGAFUNCTION_NEW_URL", "ETHERNETCONNECTION_NEW_URL", "PCIECONNECTION_NEW_URL"),
    *("DEVICEINFO_NEW_URL", "CPUFUNC_GST_NEW_URL", "CPUFUNC_SIDECAR_NEW_URL", "CPUFUNC_CALCAPP_NEW_URL"),
    *("GPUFUNC_DSA_NEW_URL", "SEND_VIDEO_TOOL_NEW_URL"),
)
# What the manuals spell in their own way.
SPELLINGS = ("create-cluster-without-senario", "df-dataflow-calcapp-sriov", "dataflow-<PatternName>-multi-worker")
# What the manuals or the Makefile have and this tool has not, or under another name: README says what replaces it.
REPLACED = (
    *("kind 0.23.0", "hugepages", "snapshot-thick", "mlnx_sriov_rdma", "L2Advertisement `example`", "/etc/ssl/certs"),
    *("cpufunc-caclapp-default-view", "cpufunc-sample-default-view", "ip netns exec", "CUDA_VISIBLE_DEVICES"),
    *("pod_status_check.sh", "kubectl apply -k", "pluse", "gcc", "fpgalib"),
)
# What the install manual does to an empty server.
SERVER_STEPS = (
    *("swapoff", "update-grub", "hugepages=32", "mlnxofedinstall", "openibd restart", "mstconfig", "5.15"),
    *("docker", "driver/nvidia/", "src/", "work/DATA/video/"),
)


class Row(NamedTuple):
    """A row of the table."""

    manual: str
    place: str
    test: str


@cache
def rows() -> tuple[Row, ...]:
    """Return the rows of all tables of the section."""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return tuple(Row(*row) for row in cells if row[0] != "Manual" and set("".join(row)) != {"-"})


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


DONE = [row for row in rows() if OPEN not in row.test]
TESTS = sorted({name for row in rows() for name in quoted(row.test)})
PLACES = sorted({name for row in DONE for name in quoted(row.place)})
NAMED = {name for row in rows() for name in quoted(row.manual)}


def test_the_table_has_all_of_the_manual() -> None:
    targets = {
        *TARGETS,
        *(f"dataflow-{pattern.name}" for pattern in known.patterns() if not pattern.is_own),
        *SPELLINGS,
    }
    assert {*MANUAL, *targets, *VARIABLES} - NAMED == set()
    assert len(rows()) > 100


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.manual[:40])
def test_each_row_has_a_place_and_a_test(row: Row) -> None:
    assert quoted(row.place)
    assert quoted(row.test) or OPEN in row.test


@pytest.mark.parametrize("name", TESTS)
def test_each_named_test_is_there(name: str) -> None:
    """The form is `file::function` or `file::function[case]`, or a scenario of the virtual machines."""
    file, _, rest = name.partition("::")
    function, _, case = rest.rstrip("]").partition("[")
    assert function in functions(file)
    assert function.startswith("test_") or function in words("sriov/test_nics.py")
    assert not case or case in words(file)


@cache
def functions(file: str) -> set[str]:
    return {node.name for node in tree(file).body if isinstance(node, ast.FunctionDef)}


@cache
def words(file: str) -> set[object]:
    return {node.value for node in ast.walk(tree(file)) if isinstance(node, ast.Constant)}


def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PLACES)
def test_each_named_place_is_there(name: str) -> None:
    """A place is a file or folder, a parameter, a task or a group of tasks, or a check of doctor."""
    group, colon, rest = name.partition(":")
    is_task = name in tasks() or (colon and rest.startswith("<") and group in tasks())
    assert is_task or name in parameters() or name in {check.name for check in CHECKS} or (ROOT / name).exists()


@cache
def tasks() -> set[str]:
    return {task.name for task in load_tasks(vars(dodo))}


@cache
def parameters() -> set[str]:
    declared = {declaration.name for declaration in layers.read(ROOT, {}).declarations}
    return declared | {credentials.USER, credentials.PASSWORD}


def test_the_readme_says_what_replaces_what_is_not_there() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("### What is different")[2]
    table = section.partition("\n## ")[0]
    assert [word for word in REPLACED if word not in table] == []


def test_the_readme_has_each_step_of_an_empty_server() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("### From an empty Ubuntu to a dataflow")[2]
    cures = " ".join(check.cure for check in CHECKS)
    table = section.partition("\n### ")[0]
    assert [word for word in SERVER_STEPS if word not in table and word not in cures] == []


def test_no_row_is_open() -> None:
    assert [row.manual for row in rows() if OPEN in row.test] == []
