"""A registry with a self-signed certificate that is no CA: who accepts it, and how a CA and a certificate are made.

Measured with Go 1.26, OpenSSL 3.0 and GnuTLS 3.7: each accepts such a certificate, if it is trusted, from the server
that shows it, and refuses every certificate that was signed with it.
"""

from __future__ import annotations

import ipaddress

from tasks.problems import Problem
from tasks.registry import pki

_CA = (
    "openssl req -x509 -newkey rsa:4096 -nodes -days 3650 -subj /CN=registry-ca -keyout ca.key -out ca.crt"
    " -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign"
)
_CERTIFICATE = (
    "openssl req -x509 -CA ca.crt -CAkey ca.key -newkey rsa:4096 -nodes -days 397 -subj /CN={host}"
    " -keyout registry.key -out registry.crt -addext basicConstraints=critical,CA:FALSE"
    " -addext subjectAltName={kind}:{host}"
)


def remark(ca: bytes, registry: str) -> str:
    """Return who accepts a certificate that is offered as a CA and is none; empty if there is none.

    Args:
        ca: What the registry offers, as `pki.judge_ca` returns it.
        registry: Address of the registry: `host[:port]`.
    """
    found = pki.leaves(ca)
    if not found:
        return ""
    return (
        f"{', '.join(found)} is self-signed and no CA (CA:TRUE is missing): Docker and CRI-O (Go), curl and Python"
        " (OpenSSL) and GnuTLS accept it as the registry's own certificate, and refuse any other that it has signed;"
        f" a proper CA and certificate: {command(registry)}"
    )


def explained(problem: Problem, ca: bytes, registry: str) -> Problem:
    """Return why a registry is refused, with the cure if what it offers as its CA is none.

    Args:
        problem: The refusal.
        ca: What the registry offers.
        registry: Address of the registry: `host[:port]`.
    """
    found = pki.leaves(ca)
    if not found:
        return problem
    reason = f"{', '.join(found)}, which is offered as its CA, is none (CA:TRUE is missing) and vouches only for itself"
    return Problem(f"{problem.message}; {reason}", hint=command(registry))


def command(registry: str) -> str:
    """Return the command that makes a CA, and a certificate of it for a registry.

    Args:
        registry: Address of the registry: `host[:port]`.
    """
    host = registry.partition(":")[0]
    return f"{_CA} && {_CERTIFICATE.format(host=host, kind='IP' if _is_address(host) else 'DNS')}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
