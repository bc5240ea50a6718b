"""The registry of the management network: trust, credentials, and one line for what is wrong."""

from __future__ import annotations

import json
import ssl
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from tasks.cluster import node_steps as cluster_node_steps
from tasks.doctor import examination
from tasks.engines.docker import client, images
from tasks.problems import Problem
from tasks.registry import certificates, pki
from tasks.settings import credentials, node_steps, parameters, paths
from tasks.settings import registry as table
from tests.docker import harbor as site
from tests.docker.forwarding import forwarding

if TYPE_CHECKING:
    from tests.docker.harbor import Harbor


@pytest.mark.parametrize("harbor", ["of a CA", site.ALONE], indirect=True)
def test_docker_pushes_with_the_trust_and_the_credentials_that_it_is_given_and_nothing_keeps_them(
    harbor: Harbor, image: str
) -> None:
    reference = site.reference(image)
    certificates.fetch()
    assert certificates.lack_of_trust()
    with pytest.raises(Problem, match=r"x509|certificate"):
        site.registry().push(image, reference)
    certificates.trust()
    assert not certificates.lack_of_trust()
    assert not site.registry().holds(reference)
    with pytest.raises(Problem, match=rf"image {reference}: not in the registry"):
        site.registry().require([reference, "other.example/images/function:1"])
    site.registry().push(image, reference)
    assert site.registry().holds(reference)
    site.registry().require([reference])
    archive = b"".join(client.client().images.get(reference).save())
    inspected = json.dumps(
        [client.client().images.get(reference).attrs, client.client().images.get(reference).history()]
    )
    images.remove(reference)
    site.holds_no_secret(harbor, inspected, site.members(archive))
    assert harbor.started


def test_what_an_administrator_trusts_is_neither_written_nor_removed(harbor: Harbor, image: str) -> None:
    assert harbor.page is not None
    theirs = table.DOCKER_TRUST / harbor.host / "ca.crt"
    other = pki.ensure_ca(harbor.folder / "other", "of an administrator").certificate.read_bytes()
    certificates.fetch()
    theirs.parent.mkdir(parents=True)
    try:
        theirs.write_bytes(other)
        assert certificates.lack_of_trust()
        certificates.trust()
        site.registry().push(image, site.reference(image))
        certificates.distrust(parameters.current())
        assert [file.read_bytes() for file in theirs.parent.iterdir()] == [other]

        theirs.write_bytes(harbor.page)
        assert not certificates.lack_of_trust()
        certificates.trust()
        certificates.distrust(parameters.current())
        assert [file.read_bytes() for file in theirs.parent.iterdir()] == [harbor.page]
    finally:
        theirs.unlink()
        theirs.parent.rmdir()
        images.remove(site.reference(image))


def test_wrong_and_absent_credentials_are_one_line_each(
    harbor: Harbor, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates.fetch()
    certificates.trust()
    reference = site.reference(image)
    monkeypatch.setenv(credentials.PASSWORD, "wrong")
    with pytest.raises(Problem, match="the registry refuses the credentials") as caught:
        certificates.fetch()
    assert "\n" not in caught.value.message
    monkeypatch.delenv(credentials.USER)
    monkeypatch.delenv(credentials.PASSWORD)
    with pytest.raises(Problem, match=r"push failed: .*(basic auth|authentication|unauthorized)"):
        site.registry().push(image, reference)
    images.remove(reference)
    with pytest.raises(Problem, match=r"the registry refuses it \(status 401\)"):
        site.registry().require([reference])


def test_nodes_get_the_credentials_in_the_kubelets_own_file(harbor: Harbor) -> None:
    (file,) = cluster_node_steps._FILES[node_steps.CREDENTIALS](parameters.current())
    assert (file.path, file.mode) == ("/var/lib/kubelet/config.json", 0o600)
    assert json.loads(file.content) == {
        "auths": {harbor.host: {"auth": credentials.Credentials(site.USER, site.PASSWORD).basic}}
    }


def _bad_pages(harbor: Harbor, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes | None]:
    """Return the bad contents that harbor may offer in place of its CA, by the expected message."""
    assert harbor.page is not None
    with monkeypatch.context() as long_ago:
        long_ago.setattr(pki, "_now", lambda: datetime(2010, 1, 1, tzinfo=timezone.utc))
        expired = pki.ensure_ca(harbor.folder / "expired", "harbor").certificate.read_bytes()
    return {
        "404": None,
        "HTML page": b"<html>harbor</html>",
        "DER form": ssl.PEM_cert_to_DER_cert(harbor.page.decode("ascii")),
        "expired on": expired,
        "is not a CA": (harbor.folder / "server.crt").read_bytes(),
        "certificate verify failed|unable to get local issuer|self.signed": pki.ensure_ca(
            harbor.folder / "other", "other"
        ).certificate.read_bytes(),
    }


@pytest.mark.parametrize("number", range(6), ids=["404", "html", "der", "expired", "leaf", "another CA"])
def test_what_is_no_ca_of_this_registry_is_one_line_and_is_not_kept(
    harbor: Harbor, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    says, harbor.page = list(_bad_pages(harbor, monkeypatch).items())[number]
    with pytest.raises(Problem, match=says) as caught:
        certificates.fetch()
    assert "\n" not in caught.value.message
    assert not paths.REGISTRY_CA.exists()
    assert not (table.DOCKER_TRUST / harbor.host).exists()
    results = examination.of_this_machine(parameters.current()).examine(("registry",))
    failed = {result.name for result in results if result.is_obstacle}
    assert failed & {"registry-ca", "registry"}


def test_a_wrong_name_and_a_registry_that_is_down_are_one_line_each(
    harbor: Harbor, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = parameters.current()
    down = chosen.model_copy(update={"dci_registry_addr_alt": f"{harbor.host.partition(':')[0]}:1/images"})
    monkeypatch.setattr(parameters, "current", lambda: down)
    with pytest.raises(Problem, match="Connection refused"):
        certificates.fetch()
    named = chosen.model_copy(update={"dci_registry_addr_alt": f"127.0.0.1:{site.free_port('127.0.0.1')}/images"})
    monkeypatch.setattr(parameters, "current", lambda: named)
    with (
        forwarding(named.dci_registry_addr_alt.partition("/")[0], harbor.host),
        pytest.raises(Problem, match="IP address mismatch"),
    ):
        certificates.fetch()
    assert not paths.REGISTRY_CA.exists()
