"""tasks.registry.client: the name under which an image is pushed, and what is said about missing images."""

from __future__ import annotations

import json
from dataclasses import replace
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

    from tests.unit.conftest import Lines
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


def test_a_registry_of_this_machine_that_does_not_run_has_what_its_folder_names(tmp_path: Path) -> None:
    registry = Registry("registry.example/images", "127.0.0.1:1/images", tmp_path / "ca.crt", store=tmp_path / "data")
    assert not registry.holds("registry.example/images/function:1")
    named = tmp_path / "data/docker/registry/v2/repositories/images/function/_manifests/tags/1/current/link"
    named.parent.mkdir(parents=True)
    named.write_text("sha256:0", encoding="utf-8")
    assert registry.holds("registry.example/images/function:1")
    assert not registry.holds("registry.example/images/function:2")
    assert not replace(registry, store=None).holds("registry.example/images/function:1")


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


@pytest.fixture
def login(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    """What `docker login` sends to the registry, which requires it for the image `private`."""
    sent = credentials.Credentials("somebody", "secret").basic
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"auths": {site.address: {"auth": sent}}}), encoding="utf-8")
    site.pages["/v2/images/private/manifests/1"] = b"{}"
    site.private["/v2/images/private/manifests/1"] = f"Basic {sent}"
    return f"Basic {sent}"


def test_where_anybody_is_refused_the_users_docker_login_is_tried_and_nodes_are_spoken_of(
    registry: Registry, site: Site, login: str, said: Lines
) -> None:
    wanted = ["registry.example/images/private:1", "registry.example/images/function:1"]
    assert registry.holds(wanted[0])
    assert not said.kept, "a check says nothing"
    registry.require(wanted)
    registry.require(wanted)
    (line,) = said.kept
    assert line.startswith(f"{site.address}: asked with your docker login, which the nodes do not get: ")
    assert f"{credentials.USER} and {credentials.PASSWORD} in the environment" in line
    assert {seen for _, path, seen in site.asked if "private" in path} == {"", login}
    assert {seen for _, path, seen in site.asked if "function" in path} == {""}, "it is sent only where it is needed"


def test_the_credentials_of_the_environment_take_the_place_of_docker_login(
    registry: Registry, site: Site, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(credentials.USER, "robot")
    monkeypatch.setenv(credentials.PASSWORD, "other")
    assert not registry.holds("registry.example/images/private:1")
    assert login not in {seen for _, _, seen in site.asked}


def test_a_login_that_is_refused_is_told_with_both_cures(
    registry: Registry, site: Site, login: str, said: Lines
) -> None:
    site.private["/v2/images/private/manifests/1"] = "Basic other"
    with pytest.raises(Problem, match=r"private:1: the registry refuses it \(status 401\)") as caught:
        registry.require(["registry.example/images/private:1"])
    assert f"docker login {site.address}" in caught.value.hint
    assert credentials.USER in caught.value.hint
    assert not said.kept


def test_an_anonymous_registry_gets_no_login(registry: Registry, site: Site, login: str) -> None:
    assert not replace(registry, anonymous=True).holds("registry.example/images/private:1")
    assert login not in {seen for _, _, seen in site.asked}


def test_what_is_published_is_asked_for_as_the_nodes_will_and_never_with_the_clusters_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(credentials.USER, "robot")
    monkeypatch.setenv(credentials.PASSWORD, "secret")
    found = client.publisher(lab(DCI_REGISTRY_ADDR="ghcr.io/openkasugai/controller"))
    assert (found.pull_address, found.anonymous, found.is_far) == ("ghcr.io/openkasugai/controller", True, True)


def test_what_is_published_in_the_clusters_own_registry_is_asked_for_as_there() -> None:
    own = {"DCI_REGISTRY_ADDR_ALT": "registry.lab/images", "DCI_REGISTRY_ADDR": "registry.lab/mirror/controller"}
    found = client.publisher(lab(REGISTRY="embedded", REGISTRY_PORT="15443", **own))
    assert (found.pull_address, found.push_address) == (
        "registry.lab/mirror/controller",
        "127.0.0.1:15443/mirror/controller",
    )
    assert not found.is_far


def test_images_are_asked_for_side_by_side_and_each_once(registry: Registry, site: Site) -> None:
    site.waits_for = 2
    names = [f"registry.example/images/{name}:1" for name in ("function", "other", "function")]
    answers = registry.answers(names)
    assert [(name, answer.status) for name, answer in answers.items()] == [(names[0], 200), (names[1], 404)]
    assert len(site.asked) == 2


def test_what_is_no_registry_is_one_line(registry: Registry, site: Site) -> None:
    site.statuses["/v2/"] = 302
    with pytest.raises(Problem, match=r"/v2/: status 302, which is no registry's"):
        registry.prove(CA.pem)


def manifest(*sizes: int) -> bytes:
    return json.dumps({"config": {"size": 1}, "layers": [{"size": size} for size in sizes]}).encode()


INDEX = json.dumps(
    {
        "manifests": [
            {"digest": "sha256:arm", "platform": {"architecture": "arm64"}},
            {"digest": "sha256:amd", "platform": {"architecture": "amd64"}},
        ]
    }
).encode()


@pytest.mark.parametrize(
    ("page", "size"), [(manifest(20, 300), 321), (INDEX, 8), (b"{}", None), (b"<html>", None), (b"[]", None)]
)
def test_what_is_pulled_of_an_image_is_the_sum_of_its_parts(
    registry: Registry, site: Site, page: bytes, size: int | None
) -> None:
    manifests = "/v2/images/function/manifests"
    site.pages |= {f"{manifests}/1": page, f"{manifests}/sha256:amd": manifest(7)}
    assert registry.size("registry.example/images/function:1") == size


def test_of_an_image_that_is_not_there_or_elsewhere_nobody_knows_the_size(registry: Registry) -> None:
    assert registry.size("registry.example/images/other:1") is None
    assert registry.size("ghcr.io/x/function:1") is None


def test_an_image_is_pushed_under_the_name_of_this_machine(registry: Registry, engine: Engine) -> None:
    engine.images["function:1"] = Image()
    registry.push("function:1", "registry.example/images/function:1")
    assert engine.requests[-2:] == [
        "POST /images/function:1/tag",
        f"POST /images/{registry.push_address}/function/push",
    ]
