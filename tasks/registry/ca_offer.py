"""A CA offered by a server whose own certificate it has issued: only its SHA-256 can vouch for it."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from urllib.parse import urlsplit

from tasks.problems import Problem, UntrustedServer
from tasks.registry import pki

_SECONDS = 1.0
_LARGEST = 1 << 20
_OK = 200


def instead(refused: UntrustedServer, url: str, *, sha256: str = "") -> bytes:
    """Return the CA that is offered at a refused address, if its SHA-256 is known in advance.

    Args:
        refused: Why the address was refused.
        url: The address that the user gave.
        sha256: The expected SHA-256 of the CA in DER form, in hexadecimal digits; empty if none is known.

    Raises:
        UntrustedServer: The refusal, if it has another cause.
        Problem: The CA has issued the server's own certificate, and its SHA-256 is not known or not the expected one.
    """
    try:
        ca = pki.judge_ca(_read(refused.address), url)
    except Problem:
        raise refused from None
    if not _is_issued_by(refused.address, ca):
        raise refused
    if sha256:
        return pki.judge_ca(ca, url, sha256=sha256)
    way = "is served" if refused.address == url else f"redirects to {refused.address}, which is served"
    raise Problem(
        f"{url}: {way} with a certificate of the very CA that is offered there, so that nothing vouches for it",
        hint=f"DCI_REGISTRY_CERT_SHA256={pki.root_fingerprint(ca)} if the registry's administrator confirms it,"
        " or an http address in DCI_REGISTRY_CERT_URL that does not redirect",
    )


def _read(address: str) -> bytes:
    """Return the content at an address, without verifying the server's certificate."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    parts = urlsplit(address)
    try:
        with contextlib.closing(_connection(address, anybody)) as connection:
            connection.request("GET", f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}")
            answer = connection.getresponse()
            content = answer.read(_LARGEST)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Problem(f"{address}: {error}") from error
    if answer.status != _OK:
        raise Problem(f"{address}: answers with status {answer.status}")
    return content


def _is_issued_by(address: str, ca: bytes) -> bool:
    """Return whether a CA has issued the certificate of the server at an address, for any name."""
    context = ssl.create_default_context(cadata=ca.decode("ascii"))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        with contextlib.closing(_connection(address, context)) as connection:
            connection.connect()
    except OSError:
        return False
    return True


def _connection(address: str, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection(urlsplit(address).netloc, timeout=_SECONDS, context=context)
