"""Certificates: the embedded registry's own CA, and the checks of a downloaded CA."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tasks.engines.files import atomic
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_CA_DAYS = 3650
_SERVER_DAYS = 397
_RENEW_DAYS = 30
_PEM = b"-----BEGIN CERTIFICATE-----"
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_DER_SEQUENCE = b"\x30\x82"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


def judge_ca(content: bytes, origin: str, *, sha256: str = "") -> bytes:
    """Return the CA certificates in `content` as PEM text, each once, if every one can be trusted.

    A self-signed certificate that is no CA can be trusted too, for the server that shows it.

    Args:
        content: What was downloaded: a certificate, or a bundle of several in any order.
        origin: Where it comes from; named in errors.
        sha256: Expected SHA-256, in hexadecimal digits, of a certificate in DER form: the only one, or the one that has
            issued the others, directly or indirectly; empty accepts any.

    Raises:
        Problem: One is not PEM, neither a CA nor self-signed, not valid now, or not issued by the expected one.
    """
    certificates = _parse(content, origin)
    for number, certificate in enumerate(certificates, 1):
        _judge_one(certificate, f"{origin}: {_place(number, certificates)}")
    if sha256:
        _require_pinned(certificates, origin, sha256)
    return b"".join(dict.fromkeys(map(_pem, certificates)))


def root_fingerprint(ca: bytes) -> str:
    """Return the SHA-256, in hexadecimal digits, of the certificate that has issued the others of a bundle.

    Args:
        ca: CA certificates as `judge_ca` returns them.
    """
    certificates = _parse(ca, "")
    root = max(certificates, key=lambda one: len(_covered(certificates, one)))
    return _fingerprint(root)


def leaves(ca: bytes) -> list[str]:
    """Return the subjects of those certificates that are no CA: each of them vouches for nothing but itself.

    Args:
        ca: Certificates as `judge_ca` returns them.
    """
    return [one.subject.rfc4514_string() for one in _parse(ca, "") if not _is_ca(one)]


def certificates_in(text: str) -> set[bytes]:
    """Return the certificates of PEM text in DER form, whatever their line breaks; damaged ones are left out.

    It works without a library to be fast, because even a run that has nothing to do calls it.
    """
    found = set()
    for block in _BLOCK.findall(text):
        with contextlib.suppress(ValueError):
            found.add(base64.b64decode("".join(block.split()), validate=True))
    return found


def ensure_ca(folder: Path, name: str) -> Pair:
    """Return the CA kept in `folder`; create one if there is none that is complete and valid for a month.

    Args:
        folder: Where `ca.crt` and `ca.key` are.
        name: Common name of a new CA.
    """
    pair = Pair(folder / "ca.crt", folder / "ca.key")
    if not _holds(pair):
        key = _write_key(pair.key)
        atomic.write(pair.certificate, _pem(_build_ca(name, key)))
    return pair


def ensure_server(folder: Path, ca: Pair, hosts: Sequence[str]) -> Pair:
    """Return the server certificate kept in `folder`; create one if there is none from this CA for these hosts.

    Args:
        folder: Where `server.crt` and `server.key` are.
        ca: The CA that signs it.
        hosts: Host names and addresses it is for.
    """
    pair = Pair(folder / "server.crt", folder / "server.key")
    if not (_holds(pair) and _serves(pair, ca, hosts)):
        key = _write_key(pair.key)
        atomic.write(pair.certificate, _pem(_build_server(ca, key, hosts)))
    return pair


def renew_at(certificate: Path) -> dt.datetime:
    """Return the time from which a certificate has to be renewed."""
    from cryptography import x509

    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    return parsed.not_valid_after_utc - dt.timedelta(days=_RENEW_DAYS)


def _parse(content: bytes, origin: str) -> list[x509.Certificate]:
    hint = f"curl -f {origin}"
    if content.lstrip()[:1] == b"<":
        raise Problem(f"{origin}: an HTML page, not a certificate", hint=hint)
    if content.startswith(_DER_SEQUENCE):
        raise Problem(f"{origin}: a certificate in DER form; PEM is needed", hint=f"{hint} | openssl x509 -inform der")
    # Split at each BEGIN line, so that a certificate without its END line is not skipped.
    parts = content.split(_PEM)[1:]
    if not parts:
        raise Problem(f"{origin}: not a PEM certificate", hint=hint)
    return [_parse_one(_PEM + part, f"{origin}: {_place(number, parts)}") for number, part in enumerate(parts, 1)]


def _parse_one(content: bytes, place: str) -> x509.Certificate:
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(content)
        # Extensions are parsed on first access.
        _ = certificate.extensions
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise Problem(
            f"{place}a damaged certificate ({error})", hint="download it again, or ask its administrator"
        ) from None
    return certificate


def _place(number: int, of: Sequence[object]) -> str:
    return f"certificate {number} of {len(of)}: " if len(of) > 1 else ""


def _judge_one(certificate: x509.Certificate, place: str) -> None:
    subject = certificate.subject.rfc4514_string()
    if not _is_ca(certificate) and not _has_issued(certificate, certificate):
        raise Problem(f"{place}the certificate of {subject} is not a CA")
    present = _now()
    if present > certificate.not_valid_after_utc:
        raise Problem(f"{place}the CA {subject} expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if present < certificate.not_valid_before_utc:
        raise Problem(f"{place}the CA {subject} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} on")


def _is_ca(certificate: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _require_pinned(certificates: Sequence[x509.Certificate], origin: str, sha256: str) -> None:
    """Stop if a bundle holds a certificate that the pinned one has not issued: anybody could have added it."""
    pinned = next((one for one in certificates if _fingerprint(one) == sha256), None)
    found = ", ".join(map(_fingerprint, certificates))
    if pinned is None:
        raise Problem(f"{origin}: the CA's SHA-256 is {found}, but DCI_REGISTRY_CERT_SHA256 is {sha256}")
    covered = _covered(certificates, pinned)
    for number, certificate in enumerate(certificates, 1):
        if certificate not in covered:
            subject = certificate.subject.rfc4514_string()
            raise Problem(
                f"{origin}: {_place(number, certificates)}the CA {subject} is not issued by the one that"
                " DCI_REGISTRY_CERT_SHA256 names",
                hint="DCI_REGISTRY_CERT_SHA256 of the root, which has issued the others",
            )


def _covered(certificates: Sequence[x509.Certificate], root: x509.Certificate) -> list[x509.Certificate]:
    """Return a certificate and those that it has issued, directly or indirectly."""
    covered = [root]
    # The list grows during the loop.
    for issuer in covered:
        covered += [one for one in certificates if one not in covered and _has_issued(issuer, one)]
    return covered


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _fingerprint(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex()


def _holds(pair: Pair) -> bool:
    """Return whether both files are there, belong together, and are valid for another month."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = load_pem_private_key(pair.key.read_bytes(), None)
    except (OSError, ValueError):
        return False
    return renew_at(pair.certificate) > _now() and certificate.public_key() == key.public_key()


def _serves(pair: Pair, ca: Pair, hosts: Sequence[str]) -> bool:
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    issuer = x509.load_pem_x509_certificate(ca.certificate.read_bytes())
    return _has_issued(issuer, certificate) and set(names) == set(_names(hosts))


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    from cryptography import x509

    def name(host: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            return x509.DNSName(host)

    return [name(host) for host in hosts]


def _build_ca(name: str, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography import x509

    subject = _subject(name)
    builder = _builder(subject, subject, key, _CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return _sign(builder, key)


def _build_server(ca: Pair, key: EllipticCurvePrivateKey, hosts: Sequence[str]) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer = x509.load_pem_x509_certificate(ca.certificate.read_bytes())
    signer = load_pem_private_key(ca.key.read_bytes(), None)
    builder = _builder(_subject(hosts[0]), issuer.subject, key, _SERVER_DAYS)
    builder = builder.add_extension(x509.SubjectAlternativeName(_names(hosts)), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    builder = builder.add_extension(authority, critical=False)
    return _sign(builder, cast("EllipticCurvePrivateKey", signer))


def _builder(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
    from cryptography import x509

    present = _now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A node whose clock is a little behind accepts it too.
        .not_valid_before(present - dt.timedelta(hours=1))
        .not_valid_after(present + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _sign(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _write_key(path: Path) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    atomic.write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    return key


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)
