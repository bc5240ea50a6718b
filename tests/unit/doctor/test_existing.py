"""doctor.existing: an existing cluster that can be attached, and clusters that cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from tasks.doctor.existing import LOOKS
from tasks.engines.kube import applyset, manifests
from tasks.problems import Problem
from tasks.settings import target
from tasks.settings.checks import FAILED, OK
from tasks.target import candidate as candidates
from tasks.target import preflight
from tests.unit.conftest import lab
from tests.unit.target.cards import DEFINITIONS, state
from tests.unit.target.somewhere import UID, Facts, candidate, definition, node, parameters_of, workload

if TYPE_CHECKING:
    from tasks.doctor.server import Server
    from tasks.engines.kube.manifests import Object
    from tasks.settings.parameters.model import Parameters

MULTUS = workload("registry.example/mirror/multus-cni:v4")
CALICO = workload("quay.io/calico/node@sha256:0123456789abcdef")
SERVER = cast("Server", None)
RESOURCE = {"SRIOV_RESOURCE": "openshift.io/cards", "CONTROLLER_IMAGES": "source"}
CARDS = (state("one", "ens9f0np0"), state("two", "ens9f1np1"))
SECURED = {**manifests.namespace("default"), "metadata": {"name": "default", "labels": {target.SECURITY: "restricted"}}}


@dataclass(frozen=True)
class Case:
    """A cluster, and what a check finds there."""

    check: str
    state: str
    says: str
    objects: tuple[Object, ...] = ()
    facts: Facts | None = None
    uid: str = UID
    addons: str = ""
    sriov: str = "none"


CASES = (
    Case("target-cluster", OK, f"Kubernetes v1.31.1, 2 nodes; TARGET_UID={UID}"),
    Case("target-cluster", FAILED, "theirs: the API does not answer"),
    Case("target-rights", OK, "all that are needed"),
    Case("target-rights", FAILED, "may not list nodes", facts=Facts(forbidden=frozenset({("nodes", "list")}))),
    Case("target-uid", OK, UID),
    Case("target-uid", FAILED, "is your consent", uid=""),
    Case("target-tool", OK, "not this tool"),
    Case("target-tool", FAILED, "made with kind", (manifests.stamped(manifests.namespace("test01")),)),
    Case("target-owner", OK, "none, or this one"),
    Case("target-owner", FAILED, "TARGET_OWNER=somebody", (applyset.parent("somebody"),)),
    Case("target-version", OK, "v1.31.1"),
    Case("target-version", FAILED, "v1.20.0", facts=Facts("v1.20.0")),
    Case("target-nodes", OK, "2: one, two"),
    Case("target-nodes", FAILED, "linux/arm64", (node("arm", architecture="arm64"),)),
    Case("target-names", OK, "namespaces (whitebox-k8s-flowctrl-system, "),
    Case("target-names", FAILED, "dataflows.example.com", (definition("dataflows"),)),
    Case("target-security", OK, "daemons are allowed"),
    Case("target-security", FAILED, "restricted forbids", (SECURED,)),
    Case("target-sriov", OK, "SRIOV=none: no policy is made"),
    Case("target-sriov", FAILED, "the SR-IOV network operator is not there", sriov="policy"),
    Case("target-sriov", FAILED, "SRIOV_CONSENT: is empty; SRIOV_CONSENT=", (*DEFINITIONS, *CARDS), sriov="policy"),
    Case("target-addons", OK, "calico sha256:0123456789ab, multus v4", (MULTUS, CALICO)),
    Case("target-addons", FAILED, "ADDONS: multus is there already, in version v4", (MULTUS,), addons="multus"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check} {case.state}")
def test_what_a_check_finds(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = lab(**parameters_of(TARGET_UID=case.uid, ADDONS=case.addons, SRIOV=case.sriov, **RESOURCE))

    def of(_chosen: Parameters) -> candidates.Candidate:
        if case.says.endswith("does not answer"):
            raise Problem(case.says)
        return candidate(chosen, *case.objects, facts=case.facts)

    monkeypatch.setattr(candidates, "of", of)
    finding = LOOKS[case.check](SERVER, chosen)
    assert finding.state == case.state, finding
    assert case.says in finding.found
    assert finding.needed


def test_a_consent_that_was_given_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    env = parameters_of(SRIOV="policy", ADDONS="", **RESOURCE)
    there = (*DEFINITIONS, *CARDS)
    asked = preflight.policies(candidate(lab(**env), *there))
    assert asked
    agreed = lab(**env, SRIOV_CONSENT=asked.consent())
    monkeypatch.setattr(candidates, "of", lambda _chosen: candidate(agreed, *there))
    finding = LOOKS["target-sriov"](SERVER, agreed)
    assert (finding.state, finding.found) == (OK, f"SRIOV_CONSENT={asked.consent()}")
