"""A real embedded registry: pushed images stay, its certificate is valid, and it offers its CA."""

from __future__ import annotations

import shutil
import socket
import ssl
import uuid
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import client, containers
from tasks.engines.docker import images as docker_images
from tasks.engines.files import download
from tasks.images import node_images as build
from tasks.problems import Problem
from tasks.registry import certificates
from tasks.registry import client as registry_client
from tasks.registry import embedded as actions
from tasks.settings import images, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "openkasugai-registry"


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a running registry, in the state that the earlier tasks leave."""
    service.ensure()
    if build.lack(images.REGISTRY.name):
        build.build(images.REGISTRY.name)
    actions.ensure()
    monkeypatch.setattr(paths, "REGISTRY_CA", tmp_path / "registry" / "ca.crt")
    certificates.fetch()
    return tmp_path


@pytest.fixture
def image(running: Path) -> Iterator[str]:
    """An image that no registry has."""
    tag = f"registry-test:{uuid.uuid4().hex[:8]}"
    (running / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /\nLABEL test={tag}\n", encoding="utf-8")
    context = running / "context"
    context.mkdir()
    shutil.move(running / "Dockerfile", context / "Dockerfile")
    docker_images.build(context, tag)
    yield tag
    docker_images.remove(tag)
    docker_images.remove(registry_client.of(parameters.current()).pushed(_reference(tag)))


def _reference(image: str) -> str:
    return f"{registry_client.of(parameters.current()).pull_address}/{image}"


def test_what_is_pushed_is_held_under_the_name_that_the_cluster_pulls(image: str) -> None:
    registry, reference = registry_client.of(parameters.current()), _reference(image)
    assert not registry.holds(reference)
    registry.push(image, reference)
    assert registry.holds(reference)


def test_images_outlive_the_container(image: str) -> None:
    registry, reference = registry_client.of(parameters.current()), _reference(image)
    registry.push(image, reference)
    containers.remove(NAME)
    assert actions.lack()
    assert not actions.answers(parameters.current())
    actions.ensure()
    assert not actions.lack()
    assert registry.holds(reference)


def test_a_stopped_registry_is_started(running: Path) -> None:
    client.client().api.kill(NAME)
    assert actions.lack()
    actions.ensure()
    assert actions.answers(parameters.current())


def test_its_certificate_is_for_the_name_that_nodes_use_and_of_no_public_ca(running: Path) -> None:
    port = parameters.current().registry_port
    trusting = ssl.create_default_context(cafile=str(paths.REGISTRY_CA))
    host = parameters.current().dci_registry_addr_alt.partition("/")[0]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        trusting.wrap_socket(plain, server_hostname=host).close()
    with pytest.raises(Problem, match="unable to get local issuer certificate"):
        download.read(f"https://127.0.0.1:{port}/v2/", limit=1000, attempts=1)


def test_the_ca_that_is_served_is_kept_and_current(running: Path) -> None:
    assert certificates.registry_ca() == actions.ca_certificate(parameters.current()).read_bytes()
    assert not certificates.lack()


def test_a_ca_that_is_not_the_served_one_is_fetched_again(running: Path) -> None:
    paths.REGISTRY_CA.write_bytes(b"<html>")
    with pytest.raises(Problem, match="an HTML page"):
        certificates.lack()
    certificates.fetch()
    assert not certificates.lack()


def test_a_pinned_ca_is_refused_where_it_differs(running: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = parameters.current().model_copy(update={"dci_registry_cert_sha256": "0" * 64})
    monkeypatch.setattr(parameters, "current", lambda: pinned)
    with pytest.raises(Problem, match="DCI_REGISTRY_CERT_SHA256"):
        certificates.fetch()


def test_a_registry_that_is_away_does_not_spoil_the_ca_that_is_kept(
    running: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = parameters.current().model_copy(update={"dci_registry_cert_url": "http://127.0.0.1:1/ca.crt"})
    monkeypatch.setattr(parameters, "current", lambda: away)
    assert not certificates.lack()
