"""tasks.target.offers: what the nodes of an existing cluster do not offer, and what a run has made first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from tasks.engines.kube import access, attachment
from tasks.engines.kube.attachment import Attachment
from tasks.settings import checks
from tasks.target import offers
from tasks.target.existing import ExistingCluster
from tests.unit.conftest import lab
from tests.unit.target.somewhere import Api, node, parameters_of, workload

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

RESOURCE = "openshift.io/cards"
MULTUS: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "network-attachment-definitions.k8s.cni.cncf.io"},
}


def offering(name: str, count: int) -> Object:
    found: dict[str, Any] = node(name)
    found["status"]["allocatable"] = {RESOURCE: str(count)}
    return found


def missing(sriov: str, *objects: Object) -> list[offers.Missing]:
    chosen = lab(**parameters_of(SRIOV=sriov, SRIOV_RESOURCE=RESOURCE, CONTROLLER_IMAGES="source", ADDONS=""))
    return offers.missing(checks.NICS, cast("Kube", Api([*objects])), ("one", "two"), chosen)


def test_functions_that_each_worker_offers_are_enough() -> None:
    assert missing("given", offering("one", 8), offering("two", 1), MULTUS) == []


@pytest.mark.parametrize(("sriov", "is_made"), [("given", False), ("policy", True)])
def test_a_worker_without_functions_is_named_and_a_policy_brings_them(sriov: str, is_made: bool) -> None:
    (found,) = missing(sriov, offering("one", 8), offering("two", 0), MULTUS)
    assert (found.phrase, found.is_made) == (f"two offers no {RESOURCE}", is_made)


@pytest.mark.parametrize("sriov", ["given", "policy"])
def test_no_policy_brings_multus(sriov: str) -> None:
    (found,) = missing(sriov, offering("one", 8), offering("two", 8))
    assert found.phrase.startswith("Multus is not there")
    assert not found.is_made


@pytest.mark.parametrize(("sriov", "count"), [("given", 2), ("policy", 8)])
def test_functions_count_as_they_are_given_or_will_be_made(sriov: str, count: int) -> None:
    chosen = lab(**parameters_of(SRIOV=sriov, SRIOV_RESOURCE=RESOURCE, CONTROLLER_IMAGES="source", ADDONS=""))
    there = Api([offering("one", 2), offering("two", 0)])
    assert offers.functions_each(cast("Kube", there), ("one", "two"), chosen) == count


def test_what_a_run_has_made_first_is_missing_only_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    there = cast("Kube", Api([offering("one", 8), offering("two", 0), MULTUS]))
    monkeypatch.setattr(attachment, "load", lambda _name: Attachment("theirs", "https://server", "uid", "owner"))
    monkeypatch.setattr(access, "cluster", lambda _name: there)
    env = {"SRIOV_RESOURCE": RESOURCE, "CONTROLLER_IMAGES": "source", "ADDONS": ""}
    given, policy = (ExistingCluster(lab(**parameters_of(SRIOV=value, **env))) for value in ("given", "policy"))
    assert given.missing(checks.NICS) == (f"two offers no {RESOURCE}",)
    assert policy.missing(checks.NICS) == ()
    assert given.not_offered(checks.NICS) == policy.not_offered(checks.NICS) == (f"two offers no {RESOURCE}",)


def test_both_ways_to_functions_are_named_where_none_is_chosen() -> None:
    (found,) = missing("none", offering("one", 8), offering("two", 8), MULTUS)
    assert "SRIOV=given, if its nodes offer" in found.phrase
    assert "SRIOV=policy, if its SR-IOV network operator" in found.phrase


def test_load_balancers_are_missing_where_nothing_is_known_that_gives_addresses() -> None:
    chosen = lab(**parameters_of(ADDONS=""))
    (found,) = offers.missing(checks.LOADBALANCER, cast("Kube", Api([])), ("one",), chosen)
    assert "ADDONS=metallb" in found.phrase
    assert found.addon == "metallb"
    there = Api([workload("quay.io/metallb/controller:v0.14.8")])
    assert offers.missing(checks.LOADBALANCER, cast("Kube", there), ("one",), chosen) == []
