"""Certificates: the embedded registry's own CA, and the judgement of a CA that was downloaded."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tasks.engines import files
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
    """Return the CA certificate in `content` as PEM text, if it is one that can be trusted.

    Args:
        content: What was downloaded.
        origin: Where from, named in errors.
        sha256: Expected SHA-256 of the certificate in DER form, in hexadecimal digits; empty accepts any.

    Raises:
        Problem: It is not PEM, not a CA, not valid at this time, or not the expected one.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = _parse(content, origin)
    try:
        is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_ca = False
    subject = certificate.subject.rfc4514_string()
    if not is_ca:
        raise Problem(f"{origin}: the certificate of {subject} is not a CA")
    present = _now()
    if present > certificate.not_valid_after_utc:
        raise Problem(f"{origin}: the CA {subject} expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if present < certificate.not_valid_before_utc:
        raise Problem(f"{origin}: the CA {subject} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} on")
    found = certificate.fingerprint(hashes.SHA256()).hex()
    if sha256 and found != sha256:
        raise Problem(f"{origin}: the CA's SHA-256 is {found}, but DCI_REGISTRY_CERT_SHA256 is {sha256}")
    return certificate.public_bytes(Encoding.PEM)


def certificates_in(text: str) -> set[bytes]:
    """Return the certificates in PEM text in DER form, each whatever its line breaks are; a damaged one is none.

    It takes no library, since every run that has nothing to do asks.
    """
    found = set()
    for block in _BLOCK.findall(text):
        with contextlib.suppress(ValueError):
            found.add(base64.b64decode("".join(block.split()), validate=True))
    return found


def ensure_ca(folder: Path, name: str) -> Pair:
    """Return the CA kept in `folder`; make one where there is none that is whole and valid for a month.

    Args:
        folder: Where `ca.crt` and `ca.key` are.
        name: Common name of a CA that is made.
    """
    pair = Pair(folder / "ca.crt", folder / "ca.key")
    if not _holds(pair):
        key = _write_key(pair.key)
        files.write(pair.certificate, _pem(_build_ca(name, key)))
    return pair


def ensure_server(folder: Path, ca: Pair, hosts: Sequence[str]) -> Pair:
    """Return the server certificate kept in `folder`; make one where there is none for these hosts by this CA.

    Args:
        folder: Where `server.crt` and `server.key` are.
        ca: Signs it.
        hosts: Host names and addresses it is for.
    """
    pair = Pair(folder / "server.crt", folder / "server.key")
    if not (_holds(pair) and _serves(pair, ca, hosts)):
        key = _write_key(pair.key)
        files.write(pair.certificate, _pem(_build_server(ca, key, hosts)))
    return pair


def renew_at(certificate: Path) -> dt.datetime:
    """Return the moment from which on a certificate is made again."""
    from cryptography import x509

    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    return parsed.not_valid_after_utc - dt.timedelta(days=_RENEW_DAYS)


def _parse(content: bytes, origin: str) -> x509.Certificate:
    from cryptography import x509

    hint = f"curl -f {origin}"
    if content.lstrip()[:1] == b"<":
        raise Problem(f"{origin}: an HTML page, not a certificate", hint=hint)
    if content.startswith(_DER_SEQUENCE):
        raise Problem(f"{origin}: a certificate in DER form; PEM is needed", hint=f"{hint} | openssl x509 -inform der")
    if _PEM not in content:
        raise Problem(f"{origin}: not a PEM certificate", hint=hint)
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise Problem(f"{origin}: a damaged certificate ({error})", hint=hint) from None


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
    from cryptography.exceptions import InvalidSignature

    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.certificate.read_bytes()))
    except (InvalidSignature, ValueError):
        return False
    return set(names) == set(_names(hosts))


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
    files.write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    return key


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc)
