"""tasks.registry.pki: which certificates are accepted as a CA, and the registry's own."""

from __future__ import annotations

import datetime as dt
import ssl
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tasks.problems import Problem
from tasks.registry import pki
from tests.authorities import Holder, authority, server

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = "http://registry.example/harbor/ca.crt"
HOSTS = ["registry.example", "127.0.0.1"]


def certificate(*, ca: bool | None = True, begins: int = -1, ends: int = 1) -> x509.Certificate:
    """Return a self-signed certificate; the start and end of its validity are given in days from today."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    today = dt.datetime.now(dt.timezone.utc)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=today + dt.timedelta(days=begins),
        not_valid_after=today + dt.timedelta(days=ends),
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())


def pem(**options: object) -> bytes:
    return certificate(**options).public_bytes(Encoding.PEM)  # type: ignore[arg-type]


def test_a_good_ca_is_returned_without_what_surrounds_it() -> None:
    good = pem()
    assert pki.judge_ca(b"subject=test\n" + good + b"\n", ORIGIN) == good


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html><body>login</body></html>", "an HTML page"),
        (b"\n  <!DOCTYPE html>", "an HTML page"),
        (certificate().public_bytes(Encoding.DER), "DER form"),
        (b"", "not a PEM certificate"),
        (b"hello", "not a PEM certificate"),
        (pem()[:200] + b"\n-----END CERTIFICATE-----\n", "damaged"),
        (server(authority("root")).pem, "is not a CA"),
        (pem(ca=False, begins=-3, ends=-1), "expired on"),
        (pem(begins=-3, ends=-1), "expired on"),
        (pem(begins=1, ends=3), "is valid from"),
    ],
)
def test_everything_else_is_refused_in_one_line(content: bytes, reason: str) -> None:
    with pytest.raises(Problem, match=reason) as caught:
        pki.judge_ca(content, ORIGIN)
    assert caught.value.message.startswith(f"{ORIGIN}: ")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("ca", [False, None])
def test_a_self_signed_certificate_that_is_no_ca_vouches_for_itself(ca: bool | None) -> None:
    made = pem(ca=ca)
    assert pki.judge_ca(made, ORIGIN) == made
    assert pki.leaves(made) == ["CN=test"]
    assert pki.leaves(pem()) == []


def test_a_pinned_ca_is_compared() -> None:
    made = certificate()
    pin = made.fingerprint(hashes.SHA256()).hex()
    assert pki.judge_ca(made.public_bytes(Encoding.PEM), ORIGIN, sha256=pin)
    with pytest.raises(Problem, match="DCI_REGISTRY_CERT_SHA256"):
        pki.judge_ca(made.public_bytes(Encoding.PEM), ORIGIN, sha256="0" * 64)


ROOT = authority("root")
MIDDLE = authority("middle", ROOT)
OTHER = authority("other")
OLD = authority("old", begins=-3, ends=-1)
KEY = b"-----BEGIN PRIVATE KEY-----\nTUlH\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize("order", [[ROOT, MIDDLE], [MIDDLE, ROOT], [MIDDLE], [OTHER, MIDDLE, ROOT]])
def test_a_bundle_is_kept_whole(order: list[Holder]) -> None:
    pems = [holder.pem for holder in order]
    assert pki.judge_ca(b"# one\r\n" + KEY.join(pems).replace(b"\n", b"\r\n"), ORIGIN) == b"".join(pems)
    assert pki.judge_ca(b"".join(pems) + pems[0], ORIGIN) == b"".join(pems), "each once"
    assert len(pki.certificates_in(b"".join(pems).decode("ascii"))) == len(order)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ROOT.pem + OLD.pem + MIDDLE.pem, "certificate 2 of 3: the CA CN=old expired on"),
        (ROOT.pem + server(ROOT).pem, "certificate 2 of 2: the certificate of CN=127.0.0.1 is not a CA"),
        (authority("new", begins=1, ends=2).pem + ROOT.pem, "certificate 1 of 2: the CA CN=new is valid from"),
        (ROOT.pem + MIDDLE.pem[:200] + b"\n-----END CERTIFICATE-----\n", "certificate 2 of 2: a damaged certificate"),
        (ROOT.pem + MIDDLE.pem[:-40], "certificate 2 of 2: a damaged certificate"),
    ],
)
def test_the_one_of_a_bundle_that_is_wrong_is_named(content: bytes, reason: str) -> None:
    with pytest.raises(Problem, match=reason) as caught:
        pki.judge_ca(content, ORIGIN)
    assert caught.value.message.startswith(f"{ORIGIN}: ")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("bundle", "pinned", "reason"),
    [
        ([MIDDLE, ROOT], ROOT, ""),
        ([authority("last", MIDDLE), MIDDLE, ROOT], ROOT, ""),
        ([MIDDLE], MIDDLE, ""),
        ([ROOT, OTHER], ROOT, "certificate 2 of 2: the CA CN=other is not issued by the one"),
        ([MIDDLE, ROOT], MIDDLE, "certificate 2 of 2: the CA CN=root is not issued by the one"),
        ([MIDDLE, ROOT], OTHER, "DCI_REGISTRY_CERT_SHA256 is"),
    ],
)
def test_a_pin_covers_what_the_pinned_ca_has_issued_and_nothing_that_was_added(
    bundle: list[Holder], pinned: Holder, reason: str
) -> None:
    content = b"".join(holder.pem for holder in bundle)
    if not reason:
        assert pki.judge_ca(content, ORIGIN, sha256=pinned.fingerprint) == content
        assert pki.root_fingerprint(content) == pinned.fingerprint
        return
    with pytest.raises(Problem, match=reason):
        pki.judge_ca(content, ORIGIN, sha256=pinned.fingerprint)


def test_what_is_made_is_accepted_and_kept(tmp_path: Path) -> None:
    ca = pki.ensure_ca(tmp_path, "test CA")
    server = pki.ensure_server(tmp_path, ca, HOSTS)
    before = [path.read_bytes() for path in (ca.certificate, ca.key, server.certificate, server.key)]
    pki.ensure_server(tmp_path, pki.ensure_ca(tmp_path, "test CA"), HOSTS)
    assert before == [path.read_bytes() for path in (ca.certificate, ca.key, server.certificate, server.key)]
    assert pki.judge_ca(ca.certificate.read_bytes(), ORIGIN) == ca.certificate.read_bytes()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(server.certificate, server.key)


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    ca = pki.ensure_ca(tmp_path, "test CA")
    assert stat.S_IMODE(ca.key.stat().st_mode) == 0o600


def test_a_pair_that_was_cut_in_two_is_made_again(tmp_path: Path) -> None:
    ca = pki.ensure_ca(tmp_path, "test CA")
    certificate_before = ca.certificate.read_bytes()
    other = pki.ensure_ca(tmp_path / "other", "test CA")
    ca.key.write_bytes(other.key.read_bytes())
    assert pki.ensure_ca(tmp_path, "test CA").certificate.read_bytes() != certificate_before


@pytest.mark.parametrize("change", ["hosts", "ca"])
def test_the_server_certificate_follows_hosts_and_ca(tmp_path: Path, change: str) -> None:
    ca = pki.ensure_ca(tmp_path, "test CA")
    before = pki.ensure_server(tmp_path, ca, HOSTS).certificate.read_bytes()
    hosts = [*HOSTS, "new.example"] if change == "hosts" else HOSTS
    if change == "ca":
        ca = pki.ensure_ca(tmp_path / "other", "test CA")
    assert pki.ensure_server(tmp_path, ca, hosts).certificate.read_bytes() != before


@pytest.mark.parametrize(("ends", "again"), [(32, False), (29, True)])
def test_a_server_certificate_is_made_again_in_its_last_month(tmp_path: Path, ends: int, *, again: bool) -> None:
    pair, ca = (pki.Pair(tmp_path / f"{name}.crt", tmp_path / f"{name}.key") for name in ("server", "ca"))
    for place, holder in ((ca, ROOT), (pair, server(ROOT, ends=ends))):
        place.certificate.write_bytes(holder.pem)
        place.key.write_bytes(holder.key_pem)
    before = pair.certificate.read_bytes()
    assert pki.ensure_server(tmp_path, ca, ["127.0.0.1"]) == pair
    assert (pair.certificate.read_bytes() != before) is again
