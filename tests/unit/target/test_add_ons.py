"""target.add_ons: what others have installed is recognized by its images, and what is ours is not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tasks.target import add_ons
from tests.unit.target.somewhere import Api, workload

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube

OWNER = "0123456789abcdef"


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("ghcr.io/k8snetworkplumbingwg/multus-cni:v4.1.0-thick", {"multus": "v4.1.0-thick"}),
        ("localhost:5000/mirror/metallb/speaker:v0.14.8", {"metallb": "v0.14.8"}),
        ("whereabouts:v0.8.0", {"nvidia-k8s-ipam": "v0.8.0"}),
        ("docker.io/flannel/flannel:v0.25.6", {"flannel": "v0.25.6"}),
        ("r.io/sriov-network-device-plugin", {"sriov-device-plugin": "latest"}),
        ("multus.example:5000/nginx:1.27", {}),
    ],
)
def test_an_add_on_is_recognized_by_its_image_and_not_by_its_registry(image: str, found: dict[str, str]) -> None:
    assert add_ons.of_others(cast("Kube", Api([workload(image)])), OWNER) == found


def test_services_get_addresses_from_a_known_provider_or_from_one_that_has_given_some() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}}
    given = {**service, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}
    found = [add_ons.gives_addresses(cast("Kube", Api([item]))) for item in (service, given)]
    assert found == [False, True]
    for image, owner in (("r.io/metallb/speaker:v1", OWNER), ("ghcr.io/kube-vip/kube-vip:v0.8", "")):
        assert add_ons.gives_addresses(cast("Kube", Api([workload(image, owner), service])))


def test_an_add_on_of_ours_is_not_of_others() -> None:
    there = Api([workload("r.io/multus-cni:v4", OWNER), workload("r.io/metallb/controller:v1", "somebody")])
    assert add_ons.of_others(cast("Kube", there), OWNER) == {"metallb": "v1"}
