"""Addresses, names, ports, proxies and the registry, passing and failing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.settings.checks import FAILED, OK, UNKNOWN
from tests.authorities import alone
from tests.unit.doctor.recorded import CA, CERT_URL, PROC_NET_TCP, TRUSTED, Case, answer

if TYPE_CHECKING:
    from collections.abc import Callable

LONE = alone("192.168.10.100").pem
REGISTRY_URL = "https://192.168.10.100/v2/"
EMBEDDED = {"REGISTRY": "embedded", "DCI_REGISTRY_CERT_URL": "http://127.0.0.1:15080/harbor/ca.crt"}
LISTENS = {"/proc/net/tcp": PROC_NET_TCP.format(port=15443, state="0A")}


CASES = (
    Case("registry-owner", OK, "REGISTRY=harbor"),
    Case("registry-owner", OK, "free or ours", environ=EMBEDDED),
    Case("registry-owner", FAILED, "not made by this tool", cure="docker rename", environ=EMBEDDED, registry=True),
    Case("registry-owner", UNKNOWN, "no engine answers", environ=EMBEDDED, docker=""),
    Case("addresses", OK),
    Case("addresses", FAILED, "10.100.0.0/16 overlaps", routes=("10.100.7.0/24",)),
    Case("addresses", UNKNOWN, "not there yet", lacks=("ip",)),
    Case("card-addresses", OK),
    Case("card-addresses", OK, environ={"EMULATE": "sriov"}),
    Case("card-addresses", OK, environ={"EMULATE": "sriov"}, facts={"emulated": True}),
    Case(
        *("card-addresses", FAILED, "overlaps the Docker network theirs (192.168.0.0/16)"),
        environ={"EMULATE": "sriov"},
        facts={"networks": {"theirs": "192.168.0.0/16"}},
        cure="docker network ls",
    ),
    Case("card-addresses", OK, facts={"networks": {"theirs": "192.168.0.0/16"}}),
    Case("card-addresses", FAILED, "192.168.20.0/24 overlaps", routes=("192.168.20.0/24",), cure="ip route"),
    Case("ports", OK, "REGISTRY=harbor"),
    Case("ports", OK, "free", environ=EMBEDDED),
    Case("ports", FAILED, "15443 taken", files=LISTENS, environ=EMBEDDED, cure="sport = :15443"),
    Case("ports", OK, "own registry", files=LISTENS, environ=EMBEDDED, facts={"offers_own_registry": True}),
    Case("dns", OK, "1 names", names=("docker.io",)),
    Case("dns", FAILED, "docker.io", cure="resolvectl query docker.io"),
    Case("dns", OK, "no name", proxied="https"),
    Case(
        "dns",
        FAILED,
        "harbor.example.org",
        names=("docker.io",),
        environ={
            "DCI_REGISTRY_ADDR_ALT": "harbor.example.org:8443/images",
            "DCI_REGISTRY_CERT_URL": "http://harbor.example.org/harbor/ca.crt",
        },
    ),
    Case("proxy", OK),
    Case("proxy", OK, proxied="127.0.0.1"),
    Case("proxy", OK, proxied="localhost"),
    Case("proxy", FAILED, "192.168.10.100", proxied="10.100", cure="no_proxy"),
    Case("clock", OK, "2 s ahead", web={CERT_URL: answer(late=2)}),
    Case("clock", FAILED, "3600 s behind", web={CERT_URL: answer(late=-3600)}, cure="set-ntp"),
    Case("clock", UNKNOWN, "timed out", web={CERT_URL: "timed out"}),
    Case("clock", OK, "REGISTRY=embedded", environ=EMBEDDED),
    Case("registry-ca", OK, CERT_URL, web={CERT_URL: answer(CA)}),
    Case("registry-ca", FAILED, "status 404", web={CERT_URL: answer(b"<html>", 404)}, cure="curl -f"),
    Case("registry-ca", FAILED, "HTML", web={CERT_URL: answer(b"<html>harbor</html>")}),
    Case("registry-ca", FAILED, "No route to host", web={CERT_URL: "No route to host"}),
    Case("registry-ca", FAILED, "SHA-256", web={CERT_URL: answer(CA)}, environ={"DCI_REGISTRY_CERT_SHA256": "0" * 64}),
    Case("registry-ca", OK, "is self-signed and no CA", web={CERT_URL: answer(LONE)}),
    Case("registry", OK, "401", web={CERT_URL: answer(CA), REGISTRY_URL: answer(status=401)}),
    Case("registry", FAILED, "502", web={CERT_URL: answer(CA), REGISTRY_URL: answer(status=502)}),
    Case("registry", FAILED, "Hostname mismatch", web={CERT_URL: answer(CA), REGISTRY_URL: "Hostname mismatch"}),
    Case("registry", UNKNOWN, "without its CA", web={CERT_URL: "refused"}),
    Case("registry-trust", OK, "REGISTRY=embedded", environ=EMBEDDED),
    Case("registry-trust", OK, "this tool keeps it", facts={"user": 0}),
    Case("registry-trust", OK, "this tool keeps it", works=("sudo -n true",), files={TRUSTED: "of somebody"}),
    Case("registry-trust", OK, "there", files={TRUSTED: CA.decode()}, web={CERT_URL: answer(CA)}),
    Case("registry-trust", FAILED, "may not", cure="sudo -v", web={CERT_URL: answer(CA)}),
    Case("registry-trust", FAILED, "may not", files={TRUSTED: "PEM of another"}, web={CERT_URL: answer(CA)}),
    Case("registry-trust", UNKNOWN, "without the CA", web={CERT_URL: "timed out"}),
    Case("load-balancer", OK, "metallb"),
    Case("load-balancer", FAILED, "none are given out", environ={"ADDONS": "multus"}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_finds(case: Case, verify: Callable[[Case], None]) -> None:
    verify(case)
