"""tasks.registry.certificates: which CA is kept, and when it is no longer the one that is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tasks import lack as lacks
from tasks.engines.docker import client
from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.registry import certificates, pki, self_signed
from tasks.registry.client import Registry
from tasks.settings import paths, registry
from tests.authorities import Holder, alone, authority, server
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.registry.conftest import Site, Sites

CA = authority("harbor")
OTHER = authority("other")
LONE = alone()
PATH = "/harbor/ca.crt"


@pytest.fixture
def offer(checkout: Path, sites: Sites, choose: Callable[..., None]) -> Site:
    """The server that offers the CA of a registry, whose certificate that CA has issued."""
    registry, site = sites.https(CA), sites.http()
    registry.pages["/v2/"] = b"{}"
    site.pages[PATH] = CA.pem
    address = f"http://{site.address}{PATH}"
    choose(REGISTRY="harbor", DCI_REGISTRY_ADDR_ALT=f"{registry.address}/images", DCI_REGISTRY_CERT_URL=address)
    return site


@pytest.mark.usefixtures("checkout")
def test_a_ca_that_is_not_there_names_its_task() -> None:
    with pytest.raises(Problem, match=r"ca\.crt: not there") as caught:
        certificates.registry_ca()
    assert caught.value.hint == "./doit registry_ca"


def test_the_ca_that_is_offered_is_kept_and_current(offer: Site, said: Lines) -> None:
    certificates.fetch()
    assert certificates.registry_ca() == CA.pem
    assert said.kept == [f"Downloaded the registry's CA from http://{offer.address}{PATH}"]
    assert certificates.lack() == lacks.NOTHING


def test_a_ca_that_did_not_issue_the_registrys_certificate_is_not_kept(offer: Site) -> None:
    offer.pages[PATH] = OTHER.pem
    with pytest.raises(Problem, match=r"unable to get local issuer|self.signed"):
        certificates.fetch()
    assert not paths.REGISTRY_CA.exists()


def test_another_ca_that_is_offered_is_named(offer: Site) -> None:
    certificates.fetch()
    offer.pages[PATH] = OTHER.pem
    assert certificates.lack() == lacks.of(f"http://{offer.address}{PATH}: another CA is offered")


def test_a_ca_that_is_plainly_good_is_not_judged_again(offer: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates.fetch()
    monkeypatch.setattr(pki, "judge_ca", lambda *_, **__: pytest.fail("judged"))
    assert offer.pages[PATH] == CA.pem
    assert certificates.lack() == lacks.NOTHING


@pytest.mark.parametrize(
    ("content", "pin", "is_good"),
    [
        (CA.pem, "", True),
        (CA.pem, CA.fingerprint, True),
        (CA.pem, OTHER.fingerprint, False),
        (CA.pem + OTHER.pem, CA.fingerprint, False),
        (authority("old", begins=-9, ends=-1).pem, "", False),
        (authority("new", begins=1, ends=2).pem, "", False),
        (LONE.pem, "", False),
        (b"<html>login</html>", "", False),
    ],
)
def test_what_is_plainly_one_good_ca(content: bytes, pin: str, *, is_good: bool) -> None:
    assert certificates._is_one_good_ca(content, lab(DCI_REGISTRY_CERT_SHA256=pin)) == is_good


def test_words_that_were_added_by_hand_are_named(offer: Site) -> None:
    certificates.fetch()
    paths.REGISTRY_CA.write_bytes(b"# mine\n" + CA.pem)
    assert certificates.lack() == lacks.of("ca.crt: changed by hand")


def test_a_server_that_is_away_or_offers_none_does_not_spoil_the_ca_that_is_kept(offer: Site) -> None:
    certificates.fetch()
    offer.pages[PATH] = b"<html>login</html>"
    assert certificates.lack() == lacks.NOTHING
    del offer.pages[PATH]
    assert certificates.lack() == lacks.NOTHING


@pytest.fixture
def lone(checkout: Path, sites: Sites, choose: Callable[..., None]) -> Callable[[Holder], Site]:
    """A function that serves a registry with a certificate, whose CA is said to be the self-signed LONE."""

    def serve(shown: Holder) -> Site:
        registry, site = sites.https_as(shown), sites.http()
        registry.pages["/v2/"] = b"{}"
        site.pages[PATH] = LONE.pem
        address = f"http://{site.address}{PATH}"
        choose(REGISTRY="harbor", DCI_REGISTRY_ADDR_ALT=f"{registry.address}/images", DCI_REGISTRY_CERT_URL=address)
        return registry

    return serve


def test_a_registry_with_a_self_signed_certificate_is_used_and_who_accepts_it_is_said(
    lone: Callable[[Holder], Site], said: Lines
) -> None:
    lone(LONE)
    certificates.fetch()
    assert certificates.registry_ca() == LONE.pem
    assert certificates.lack() == lacks.NOTHING
    remark = said.kept[-1]
    assert remark.startswith("CN=127.0.0.1 is self-signed and no CA (CA:TRUE is missing): Docker and CRI-O (Go), curl")
    assert "a proper CA and certificate: openssl req -x509 " in remark
    assert remark.endswith("subjectAltName=IP:127.0.0.1")


def test_what_a_certificate_that_is_no_ca_has_signed_is_refused_with_the_cure(lone: Callable[[Holder], Site]) -> None:
    lone(server(LONE))
    with pytest.raises(Problem, match=r"CN=127\.0\.0\.1, which is offered as its CA, is none") as caught:
        certificates.fetch()
    assert "\n" not in caught.value.message
    assert "basicConstraints=critical,CA:TRUE" in caught.value.hint
    assert not paths.REGISTRY_CA.exists()


def test_a_registry_that_fails_is_not_explained_by_its_certificate(lone: Callable[[Holder], Site]) -> None:
    lone(LONE).statuses["/v2/"] = 500
    with pytest.raises(Problem, match="status 500") as caught:
        certificates.fetch()
    assert "CA:TRUE" not in str(caught.value)


def test_the_command_makes_a_ca_and_a_certificate_that_all_accept(
    lone: Callable[[Holder], Site], tmp_path: Path, said: Lines
) -> None:
    command = self_signed.command("127.0.0.1:8443").replace("rsa:4096", "rsa:2048")
    shell.Command(["sh", "-ec", command], cwd=tmp_path).run()
    ca = (tmp_path / "ca.crt").read_bytes()
    assert pki.judge_ca(ca, "here") == pki.judge_ca(ca, "here", sha256=pki.root_fingerprint(ca))
    assert pki.leaves(ca) == []
    made = x509.load_pem_x509_certificate((tmp_path / "registry.crt").read_bytes())
    key = load_pem_private_key((tmp_path / "registry.key").read_bytes(), None)
    registry = lone(Holder(made, key))  # type: ignore[arg-type]
    Registry(f"{registry.address}/images", f"{registry.address}/images", tmp_path / "none").prove(ca)
    assert "subjectAltName=DNS:harbor.lan" in self_signed.command("harbor.lan")


@pytest.fixture
def pushed_to(sites: Sites, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Site:
    """The server that offers the CA of a registry which is not on loopback, pushed to by an engine of this machine."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/none.sock")
    site = sites.http()
    site.pages[PATH] = CA.pem
    address = f"http://{site.address}{PATH}"
    choose(REGISTRY="harbor", DCI_REGISTRY_ADDR_ALT="192.0.2.1/images", DCI_REGISTRY_CERT_URL=address)
    return site


@pytest.mark.usefixtures("checkout", "pushed_to")
def test_root_is_needed_for_the_trust_in_a_ca_that_is_only_offered_yet() -> None:
    folder = registry.DOCKER_TRUST / "192.0.2.1"
    assert certificates.lack_of_offered_trust() == lacks.of(f"{folder}: does not hold the registry's CA")
    folder.mkdir(parents=True)
    (folder / "of-an-administrator.crt").write_bytes(CA.pem)
    assert certificates.lack_of_offered_trust() == lacks.NOTHING
    assert not paths.REGISTRY_CA.exists()


@pytest.mark.usefixtures("checkout")
def test_root_is_not_asked_for_while_nobody_knows_the_ca(pushed_to: Site) -> None:
    del pushed_to.pages[PATH]
    assert certificates.lack_of_offered_trust() == lacks.NOTHING


@pytest.mark.parametrize("images", ["registry", "auto"])
def test_no_engine_has_to_trust_a_registry_that_nothing_is_pushed_to(
    checkout: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch, images: str
) -> None:
    given = {"TARGET": "existing", "TARGET_KUBECONFIG": "/nowhere", "TARGET_CONTEXT": "elsewhere"}
    choose(**given, REGISTRY="harbor", CONTROLLER_IMAGES=images, FUNCTION_IMAGES=images)
    asked: list[str] = []

    def is_there() -> bool:
        asked.append("engine")
        return False

    monkeypatch.setattr(client, "is_there", is_there)
    assert certificates.lack_of_trust() == lacks.NOTHING
    assert certificates.lack_of_offered_trust() == lacks.NOTHING
    certificates.trust()
    # Where images may be built, an engine that is there has to trust it; without one, nothing is pushed.
    assert bool(asked) == (images == "auto")
    assert not any(checkout.rglob("ca.crt"))
