"""How doctor handles findings: which checks run, which state they get, and what a user reads."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.doctor.examination import Examination, of_this_machine, purposes_of
from tasks.doctor.finding import Finding
from tasks.doctor.first_steps import is_settled, lack_of
from tasks.doctor.server import Server
from tasks.engines.files import ledgers
from tasks.gpu import ledger as gpu_ledger
from tasks.nics import emulated
from tasks.problems import Problem
from tasks.settings import cluster, images, nics, packages, parameters
from tasks.settings.checks import (
    CHECKS,
    EMULATION,
    FAILED,
    FIRST_STEPS,
    GPU,
    NICS,
    OK,
    PATTERNS,
    PURPOSES,
    TASK_PURPOSES,
    UNKNOWN,
    VERSIONS,
)
from tests.unit import own_patterns
from tests.unit.conftest import lab
from tests.unit.engine import Image, node

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.doctor.finding import Look
    from tasks.settings.parameters.model import Parameters
    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine


class Machine(dict[str, "Finding | Exception"]):
    """Findings by check; every other check passes."""

    def examination(self) -> Examination:
        return Examination(parameters.current(), {check.name: self._look(check.name) for check in CHECKS}, Server())

    def report(self, *, as_json: bool = False) -> None:
        self.examination().report("create_cluster_with_all", as_json=as_json)

    def require(self, target: str) -> None:
        self.examination().require(target)

    def _look(self, name: str) -> Look:
        def answer(_host: Server, _parameters: Parameters) -> Finding:
            finding = self.get(name, Finding(OK, "fine", "fine"))
            if isinstance(finding, Exception):
                raise finding
            return finding

        return answer


@pytest.fixture
def machine(choose: Callable[..., None]) -> Machine:
    choose(IGNORE_CHECKS="")
    return Machine()


FAILED_SWAP = Finding(FAILED, "/swap.img", "off")


def test_a_passing_machine_is_no_problem(machine: Machine, said: Lines) -> None:
    machine.report()
    assert "FAILED" not in said.kept[0]
    machine.require("dataflow:calcapp-basic")


def test_several_faults_of_one_check_have_a_line_each_below_each_other(machine: Machine, said: Lines) -> None:
    machine["versions"] = Finding(UNKNOWN, "one\ntwo", "an answer")
    machine.report()
    shown = said.kept[0].splitlines()
    row = next(number for number, line in enumerate(shown) if line.endswith("  one"))
    assert shown[row + 1].split("two")[0] == " " * shown[row].index("one")


def test_a_failure_is_shown_with_its_cure_and_fails(machine: Machine, said: Lines) -> None:
    machine["swap"] = FAILED_SWAP
    with pytest.raises(Problem, match=r"1 of \d+ checks failed: swap") as caught:
        machine.report()
    assert "IGNORE_CHECKS=swap" in caught.value.hint
    shown = said.kept[0].splitlines()
    row = next(number for number, line in enumerate(shown) if "swap" in line)
    assert shown[row].startswith("FAILED")
    assert "/swap.img; needed: off" in shown[row]
    assert shown[row + 1].strip() == "cure: sudo swapoff -a, and remove it from /etc/fstab"


NOTHING_OF_THE_SERVER = {
    "ofed": Finding(UNKNOWN, "no card", "a driver"),
    "gpu": Finding(FAILED, "none", "an NVIDIA GPU"),
    "archive": Finding(FAILED, "not there", "an archive"),
    "registry-ca": Finding(FAILED, "no route to host", "a CA"),
}


def test_a_machine_with_nothing_of_the_manuals_server_is_told_of_the_lab(machine: Machine, said: Lines) -> None:
    machine.update(NOTHING_OF_THE_SERVER)
    with pytest.raises(Problem) as caught:
        machine.report()
    assert "PROFILE=lab needs none of them" in caught.value.details
    machine["swap"] = FAILED_SWAP
    with pytest.raises(Problem, match="PROFILE=lab needs none of them"):
        machine.require("create_cluster")


@pytest.mark.parametrize("there", NOTHING_OF_THE_SERVER)
def test_a_machine_with_a_part_of_the_manuals_server_is_not_sent_to_the_lab(machine: Machine, there: str) -> None:
    machine.update({name: finding for name, finding in NOTHING_OF_THE_SERVER.items() if name != there})
    machine["swap"] = FAILED_SWAP
    with pytest.raises(Problem) as caught:
        machine.require("create_cluster")
    assert "PROFILE=lab" not in str(caught.value)


def test_an_ignored_check_is_shown_and_is_no_obstacle(
    machine: Machine, said: Lines, choose: Callable[..., None]
) -> None:
    machine["swap"] = FAILED_SWAP
    choose(IGNORE_CHECKS="swap, cores")
    machine.report(as_json=True)
    rows = {row["name"]: row["state"] for row in json.loads(said.kept[0])}
    assert rows["swap"] == "ignored"
    assert rows["cores"] == "ok"


def test_an_unknown_check_cannot_be_ignored(choose: Callable[..., None]) -> None:
    with pytest.raises(Problem, match="'swop' is not a check; did you mean swap"):
        choose(IGNORE_CHECKS="swop")


def test_what_could_not_be_seen_is_unknown_and_no_obstacle(machine: Machine, said: Lines) -> None:
    machine["clock"] = Finding(UNKNOWN, "no answer", "an answer")
    machine.report()
    assert "unknown" in said.kept[0]


def test_a_file_that_this_user_may_not_read_is_unknown(machine: Machine, said: Lines) -> None:
    machine["archive"] = PermissionError(13, "Permission denied", "/archive")
    machine.report()
    assert "Permission denied: '/archive'" in said.kept[0]


def test_require_says_one_line_a_failure_before_anything_is_touched(machine: Machine) -> None:
    machine["swap"] = FAILED_SWAP
    machine["disk"] = Finding(FAILED, "1 GB", "100 GB", "buy a disk")
    with pytest.raises(Problem) as caught:
        machine.require("create_cluster")
    assert [line.split(":")[0] for line in caught.value.message.splitlines()] == ["disk", "swap"]
    assert "buy a disk" in caught.value.message
    assert caught.value.hint == "./doit doctor --for create_cluster"


def test_a_bug_in_a_check_keeps_its_traceback(machine: Machine) -> None:
    machine["swap"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        machine.report()


def test_calcapp_asks_for_no_card_and_no_gpu(machine: Machine) -> None:
    purposes = purposes_of("dataflow:calcapp-basic", parameters.current())
    assert not {NICS, GPU} & set(purposes)
    names = {result.name for result in machine.examination().examine(purposes)}
    assert {"cores", "docker", "addresses"} <= names
    assert not {"pf", "vfs", "gpu", "gpu-driver", "nouveau", "videos", "hugepages", "sudo"} & names


@pytest.mark.parametrize("target", [*TASK_PURPOSES, *PURPOSES, "calcapp-basic", "scenario:calcapp-basic-multi-worker"])
def test_every_target_has_known_purposes(target: str) -> None:
    assert set(purposes_of(target, parameters.current())) <= set(PURPOSES)


@pytest.mark.parametrize("target", ["dataflow-p2c1", "dataflow:p2c1", "p2c1", "df_dataflow_p2c1"])
def test_a_target_may_be_spelled_as_in_the_makefile(target: str) -> None:
    assert GPU in purposes_of(target, parameters.current())


def test_an_unknown_target_is_one_line() -> None:
    with pytest.raises(Problem, match="'p9c9' is no task, pattern or purpose"):
        purposes_of("p9c9", parameters.current())


def test_every_purpose_is_asked_for_by_a_check() -> None:
    assert {purpose for check in CHECKS for purpose in check.purposes} == set(PURPOSES)


def test_checks_run_side_by_side_and_a_slow_one_is_left_behind() -> None:
    # No look passes before all looks but the slow one have arrived.
    together, never = threading.Barrier(len(CHECKS) - 1), threading.Event()

    def meet(_host: Server, _parameters: Parameters) -> Finding:
        together.wait()
        return Finding(OK, "met the others", "fine")

    def hang(_host: Server, _parameters: Parameters) -> Finding:
        never.wait()
        return Finding(OK, "late", "fine")

    looks = {**{check.name: meet for check in CHECKS}, "clock": hang}
    results = Examination(parameters.current(), looks, Server()).examine(PURPOSES)
    never.set()
    assert {result.name for result in results if result.state == "unknown"} == {"clock"}
    assert {result.found for result in results if result.name != "clock"} == {"met the others"}
    assert [result.name for result in results] == [check.name for check in CHECKS]


@pytest.mark.usefixtures("checkout", "engine")
@pytest.mark.parametrize("target", [target for target in FIRST_STEPS if target not in {VERSIONS, EMULATION}])
def test_a_machine_with_nothing_on_it_is_looked_at(target: str) -> None:
    assert not is_settled(target, lab())


@pytest.mark.usefixtures("checkout")
def test_what_is_there_already_is_not_asked_for_again(engine: Engine, act_as: Callable[[int], None]) -> None:
    act_as(0)
    chosen = lab(CLUSTER_NAME="second", IMG_TAG="9")
    engine.images[images.tag(images.NODE_IMAGE, chosen)] = Image()
    engine.containers.update({name: node("second") for name in cluster.node_names("second")})
    nics.LEDGERS.mkdir(parents=True)
    (nics.LEDGERS / "second.json").touch()
    lent = gpu_ledger.Ledger("second", ledgers.boot(), "", (), (), ())
    gpu_ledger.save(lent)
    assert all(is_settled(target, chosen) for target in ("images", "create_cluster", NICS, GPU))
    gpu_ledger.save(replace(lent, boot="the boot before"))
    assert not is_settled(GPU, chosen)


@pytest.mark.usefixtures("checkout")
def test_emulated_cards_that_are_there_are_not_asked_for_again(engine: Engine) -> None:
    chosen = lab(CLUSTER_NAME="second", EMULATE="sriov")
    assert not is_settled(NICS, chosen)
    engine.networks["second-sriov"] = {emulated.CHECKOUT: ledgers.here()}
    engine.containers["second-worker"] = node("second", addresses={"second-sriov": "192.168.20.2"})
    assert [is_settled(target, chosen) for target in (NICS, "nics:kind-worker", "nics:kind-worker2")] == [
        *(True, True, False)
    ]
    assert not is_settled(NICS, lab(CLUSTER_NAME="second"))


@pytest.mark.usefixtures("checkout")
def test_images_are_checked_again_where_a_package_of_theirs_changed(engine: Engine) -> None:
    of_packages = {"CRIO_FROM": "packages", "NODE_RUNTIME": "crio", "IMG_TAG": "9"}
    made = lab(**of_packages)
    parts = {name: getattr(made, name.lower()) for name in packages.CRIO.parameters}
    engine.images[images.tag(images.NODE_IMAGE, made)] = Image()
    engine.images[images.tag(packages.CRIO.image, made)] = Image({images.PARTS_LABEL: json.dumps(parts)})
    assert is_settled("images", made)
    changed = lab(CRIO_PKG_VERSION="1.31.1-1.1", **of_packages)
    assert lack_of("images", changed) == lacks.of("CRIO_PKG_VERSION: 1.31.0-1.1 -> 1.31.1-1.1")


@pytest.mark.usefixtures("checkout")
def test_only_a_version_that_is_not_pinned_has_to_be_asked_for() -> None:
    assert is_settled(VERSIONS, lab())
    reasons = lack_of(VERSIONS, lab(METALLB_VERSION="v0.14.9", CONTAINERD_VERSION="v1.7.24")).reasons
    assert reasons == tuple(
        f"{what}: has to be asked for" for what in ("CONTAINERD_VERSION v1.7.24", "METALLB_VERSION v0.14.9")
    )


@pytest.mark.parametrize("target", ["mine", "dataflow:mine", "scenario:mine", "dataflow-mine"])
def test_a_pattern_is_looked_at_alone_and_others_are_no_fault_of_it(
    tree: Path, choose: Callable[..., None], target: str
) -> None:
    choose(IGNORE_CHECKS="")
    folder = own_patterns.write("mine")
    own_patterns.edit(own_patterns.write("bad") / "pattern.yaml", "namespace: ", "namespac: ")

    def found(asked: str) -> tuple[str, str]:
        (result,) = of_this_machine(parameters.current(), asked).examine((PATTERNS,))
        return result.state, result.found

    assert PATTERNS in purposes_of(target, parameters.current())
    assert found(target) == ("ok", "nothing wrong with mine")
    state, lines = found("")
    assert state == "FAILED"
    assert "work/patterns/bad/pattern.yaml:2: namespac: is no field here; did you mean namespace?" in lines.splitlines()
    own_patterns.edit(folder / "df-cpufunc.yaml", "    name: mine-chain", "    name: no-chain")
    state, lines = found(target)
    assert state == "FAILED"
    assert lines.startswith("work/patterns/mine/df-cpufunc.yaml:7: spec.functionChainRef: no FunctionChain")


@pytest.mark.parametrize("target", ["bad", "dataflow:bad"])
def test_a_pattern_that_is_not_valid_is_told_by_its_lines(tree: Path, choose: Callable[..., None], target: str) -> None:
    own_patterns.edit(own_patterns.write("bad") / "pattern.yaml", "namespace: ", "namespac: ")
    with pytest.raises(Problem, match=r"^work/patterns/bad/pattern\.yaml:2: namespac: is no field here"):
        purposes_of(target, parameters.current())
