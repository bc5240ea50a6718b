"""Chains of certificates for tests: roots, intermediates, and servers of either."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def authority(name: str, issuer: Holder | None = None, *, begins: int = -1, ends: int = 1) -> Holder:
    """Return a CA, a root where nobody issues it, valid from and to that many days from today."""
    return _issued(name, issuer, None, (begins, ends))


def server(issuer: Holder, address: str = "127.0.0.1", *, ends: int = 1) -> Holder:
    """Return the certificate of a server at an address, valid to that many days from today."""
    return _issued(address, issuer, _at(address), (-1, ends))


def alone(address: str = "127.0.0.1") -> Holder:
    """Return the certificate of a server at an address that has signed itself and is no CA."""
    return _issued(address, None, _at(address), (-1, 1))


def _at(address: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])


def context(folder: Path, holder: Holder, *chain: Holder) -> ssl.SSLContext:
    """Return what a server needs to show a certificate and those above it."""
    file = folder / f"{holder.fingerprint[:8]}.pem"
    file.write_bytes(holder.key_pem + b"".join(one.pem for one in (holder, *chain)))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    return made


def _issued(
    name: str,
    issuer: Holder | None,
    names: x509.SubjectAlternativeName | None,
    days: tuple[int, int],
) -> Holder:
    """Return a certificate: that of a server where it has names, else a CA's."""
    constraints = x509.BasicConstraints(ca=names is None, path_length=None)
    key = ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = dt.datetime.now(dt.timezone.utc)
    builder = x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject if issuer else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=today + dt.timedelta(days=days[0]),
        not_valid_after=today + dt.timedelta(days=days[1]),
    )
    usage = x509.KeyUsage(
        digital_signature=not constraints.ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=constraints.ca,
        crl_sign=constraints.ca,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(authority_key, critical=False)
    builder = builder.add_extension(names, critical=False) if names else builder
    return Holder(builder.sign(signer, hashes.SHA256()), key)
