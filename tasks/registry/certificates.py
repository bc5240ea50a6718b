"""The CA of the registry: downloaded, checked, kept for the nodes, and trusted by the Docker engine that pushes."""

from __future__ import annotations

import hashlib
import ssl
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.engines.docker import client as engine
from tasks.engines.files import atomic, download
from tasks.problems import Problem, UntrustedServer
from tasks.registry import ca_offer, client, docker_trust, pki, self_signed
from tasks.settings import parameters, paths
from tasks.settings.parameters import target_rules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tasks.lack import Lack
    from tasks.registry.client import Registry
    from tasks.settings.parameters.model import Parameters

_LARGEST = 1 << 20


def registry_ca() -> bytes:
    """Return the downloaded CA, as PEM text.

    Raises:
        Problem: It is not there.
    """
    try:
        return paths.REGISTRY_CA.read_bytes()
    except FileNotFoundError:
        raise Problem(f"{paths.REGISTRY_CA}: not there", hint="./doit registry_ca") from None


def reachable(registry: Registry, p: Parameters) -> Registry:
    """Return a registry as it can be asked before the CA of the cluster's is kept: with the one that it offers.

    Args:
        registry: The cluster's registry, or one outside the site, which needs no CA of its own.
        p: The parameters of the run.

    Raises:
        Problem: The CA cannot be downloaded, or is not one.
    """
    if registry.is_far or paths.REGISTRY_CA.exists():
        return registry
    return replace(registry, offered=_judge(_offered(p, attempts=1), p).decode("ascii"))


def lack() -> Lack:
    """Return whether the downloaded CA was changed by hand, or is no longer the one that is served.

    If the registry does not answer at the moment, the CA that it served remains good.

    Raises:
        Problem: It is no longer good.
    """
    if not paths.REGISTRY_CA.exists():
        return lacks.absent(f"the registry's CA, {paths.REGISTRY_CA.name}")
    p = parameters.current()
    kept, served = registry_ca(), _offered_now(p)
    if served == kept and _is_one_good_ca(kept, p):
        return lacks.NOTHING
    if _judge(kept, p) != kept:
        return lacks.of(f"{paths.REGISTRY_CA.name}: changed by hand")
    try:
        same = not served or _judge(served, p) == kept
    except Problem:
        return lacks.NOTHING
    return lacks.unless(same, f"{p.dci_registry_cert_url}: another CA is offered")


def fetch() -> None:
    """Download the registry's CA, and keep it if it is good and has issued the registry's certificate.

    Raises:
        Problem: It cannot be downloaded; it is not a valid CA in PEM form or not the pinned one; or the registry does
            not answer, has a certificate of another CA or for another name, or refuses the credentials.
    """
    p = parameters.current()
    content = _judge(_offered(p), p)
    registry = client.of(p)
    registry.prove(content)
    atomic.write(paths.REGISTRY_CA, content)
    progress.line(f"Downloaded the registry's CA from {p.dci_registry_cert_url}")
    if remark := self_signed.remark(content, registry.host):
        progress.line(remark)


def lack_of_trust() -> Lack:
    """Return the folder in which the Docker engine lacks the downloaded CA, if it needs it there."""
    p = parameters.current()
    return docker_trust.of(p).lack(registry_ca) if _is_pushed_to(p) else lacks.NOTHING


def lack_of_offered_trust() -> Lack:
    """Return the folder in which the Docker engine lacks the CA that it needs there, downloaded yet or not.

    If it is neither downloaded nor offered now, nothing is known, and the download will say why.
    """
    p = parameters.current()
    if not _is_pushed_to(p):
        return lacks.NOTHING
    try:
        return docker_trust.of(p).lack(lambda: _kept_or_offered(p))
    except Problem:
        return lacks.NOTHING


def trusted_by_us(p: Parameters) -> list[Path]:
    """Return the files by which the Docker engine trusts a registry for this checkout."""
    return docker_trust.of(p).ours()


def trust() -> None:
    """Make the Docker engine trust the downloaded CA.

    Raises:
        Problem: Only root may write its file, and sudo was refused.
    """
    p = parameters.current()
    if _is_pushed_to(p):
        docker_trust.of(p).put(registry_ca())


def distrust(p: Parameters) -> None:
    """Remove the CA from the Docker engine, if this checkout put it there."""
    docker_trust.of(p).remove(registry_ca() if paths.REGISTRY_CA.exists() else None)


def _is_pushed_to(p: Parameters) -> bool:
    """Return whether a Docker engine pushes to the registry, or has to be there anyway."""
    return target_rules.needs_engine(p) or (target_rules.may_build(p) and engine.is_there())


def _kept_or_offered(p: Parameters) -> bytes:
    return paths.REGISTRY_CA.read_bytes() if paths.REGISTRY_CA.exists() else _judge(_offered(p, attempts=1), p)


def _offered(p: Parameters, **options: int) -> bytes:
    url = p.dci_registry_cert_url
    try:
        return download.read(url, limit=_LARGEST, **options)
    except UntrustedServer as refused:
        return ca_offer.instead(refused, url, sha256=p.dci_registry_cert_sha256)


def _offered_now(p: Parameters) -> bytes:
    """Return what is offered at the moment; nothing if it cannot be downloaded."""
    try:
        return _offered(p, attempts=1)
    except Problem:
        return b""


def _is_one_good_ca(content: bytes, p: Parameters) -> bool:
    """Return whether a file is plainly one CA that is valid now, and the pinned one.

    It says no to much that `pki.judge_ca` accepts, but without a library whose import takes longer than all of this.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        pem = content.decode("ascii")
        der = ssl.PEM_cert_to_DER_cert(pem)
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return False
    pinned = p.dci_registry_cert_sha256 in {"", hashlib.sha256(der).hexdigest()}
    found = context.get_ca_certs()
    return pinned and len(found) == 1 and _is_valid_now(found[0])


def _is_valid_now(certificate: Mapping[str, Any]) -> bool:
    begin, end = (ssl.cert_time_to_seconds(certificate[name]) for name in ("notBefore", "notAfter"))
    return begin <= time.time() <= end


def _judge(content: bytes, p: Parameters) -> bytes:
    return pki.judge_ca(content, p.dci_registry_cert_url, sha256=p.dci_registry_cert_sha256)
