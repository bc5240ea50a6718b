"""tasks.registry.client: the name under which an image is pushed, and what is said about missing images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.problems import Problem
from tasks.registry import client
from tasks.registry.client import Registry
from tasks.settings import credentials
from tests.authorities import authority
from tests.unit.conftest import lab
from tests.unit.engine import Image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.engine import Engine
    from tests.unit.registry.conftest import Site, Sites

CA = authority("harbor")
OTHER = authority("other")


@pytest.fixture
def site(sites: Sites) -> Site:
    served = sites.https(CA)
    served.pages |= {"/v2/": b"{}", "/v2/images/function/manifests/1": b"{}"}
    return served


@pytest.fixture
def registry(site: Site, tmp_path: Path) -> Registry:
    """A registry with one image; the cluster uses another address for it than this machine."""
    (tmp_path / "ca.crt").write_bytes(CA.pem)
    return Registry("registry.example/images", f"{site.address}/images", tmp_path / "ca.crt")


def test_the_embedded_registry_is_pushed_to_by_loopback_and_asks_nobody_who_he_is() -> None:
    found = client.of(lab(REGISTRY="embedded", REGISTRY_PORT="15443", DCI_REGISTRY_ADDR_ALT="registry.lab:5000/a/b"))
    assert (found.pull_address, found.push_address, found.host) == (
        "registry.lab:5000/a/b",
        "127.0.0.1:15443/a/b",
        "127.0.0.1:15443",
    )
    assert found.anonymous
    assert found.pushed("registry.lab:5000/a/b/function:1") == "127.0.0.1:15443/a/b/function:1"
    assert found.pushed("other.example/a/b/function:1") == "other.example/a/b/function:1"


def test_a_registry_of_the_site_has_one_address() -> None:
    values = {"DCI_REGISTRY_ADDR_ALT": "harbor.example/images", "DCI_REGISTRY_CERT_URL": "http://harbor.example/ca.crt"}
    found = client.of(lab(REGISTRY="harbor", **values))
    assert found.pull_address == found.push_address == "harbor.example/images"
    assert not found.anonymous


def test_an_image_is_looked_for_where_it_is_pushed_to(registry: Registry, site: Site) -> None:
    assert registry.holds("registry.example/images/function:1")
    assert not registry.holds("registry.example/images/function:2")
    assert site.asked[0][:2] == ("HEAD", "/v2/images/function/manifests/1")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "the registry refuses it (status 401)"),
        (403, "the registry refuses it (status 403)"),
        (404, "not in the registry"),
        (500, "the registry answers with status 500"),
    ],
)
def test_each_image_that_cannot_be_pulled_is_a_line(registry: Registry, site: Site, status: int, says: str) -> None:
    site.statuses["/v2/images/other/manifests/1"] = status
    wanted = [f"registry.example/images/{name}:1" for name in ("function", "other", "other")]
    with pytest.raises(Problem) as caught:
        registry.require([*wanted, "elsewhere.example/images/other:1"])
    assert caught.value.message == f"image registry.example/images/other:1: {says}"
    assert credentials.USER in caught.value.hint
    registry.require(wanted[:1])


def test_a_registry_with_another_certificate_holds_nothing(sites: Sites, tmp_path: Path) -> None:
    other = sites.https(OTHER)
    other.pages["/v2/images/function/manifests/1"] = b"{}"
    (tmp_path / "ca.crt").write_bytes(CA.pem)
    registry = Registry(f"{other.address}/images", f"{other.address}/images", tmp_path / "ca.crt")
    assert not registry.holds(f"{other.address}/images/function:1")
    with pytest.raises(Problem, match=r"unable to get local issuer|self.signed"):
        registry.require([f"{other.address}/images/function:1"])


@pytest.mark.parametrize("status", [200, 401])
def test_a_registry_is_proved_by_its_certificate(registry: Registry, site: Site, status: int) -> None:
    site.statuses["/v2/"] = status
    registry.prove(CA.pem)
    with pytest.raises(Problem, match=r"unable to get local issuer|self.signed"):
        registry.prove(OTHER.pem)


def test_the_credentials_have_to_be_accepted_where_there_are_any(
    registry: Registry, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(credentials.USER, "robot")
    monkeypatch.setenv(credentials.PASSWORD, "secret")
    registry.prove(CA.pem)
    assert site.asked[-1] == ("GET", "/v2/", f"Basic {credentials.Credentials('robot', 'secret').basic}")
    site.statuses["/v2/"] = 401
    with pytest.raises(Problem, match=f"https://{site.address}/v2/: the registry refuses the credentials"):
        registry.prove(CA.pem)


def test_what_is_no_registry_is_one_line(registry: Registry, site: Site) -> None:
    site.statuses["/v2/"] = 302
    with pytest.raises(Problem, match=r"/v2/: status 302, which is no registry's"):
        registry.prove(CA.pem)


def test_an_image_is_pushed_under_the_name_of_this_machine(registry: Registry, engine: Engine) -> None:
    engine.images["function:1"] = Image()
    registry.push("function:1", "registry.example/images/function:1")
    assert engine.requests[-2:] == [
        "POST /images/function:1/tag",
        f"POST /images/{registry.push_address}/function/push",
    ]
