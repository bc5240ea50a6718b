"""The CA of the registry: downloaded, judged, kept for the nodes, and trusted by the Docker that pushes."""

from __future__ import annotations

from tasks import progress, reasons
from tasks.engines.files import atomic, download
from tasks.problems import Problem, UntrustedServer
from tasks.registry import ca_offer, client, docker_trust, pki
from tasks.settings import parameters, paths

_LARGEST = 1 << 20


def registry_ca() -> bytes:
    """Return the CA that was downloaded, as PEM text.

    Raises:
        Problem: It is not there.
    """
    try:
        return paths.REGISTRY_CA.read_bytes()
    except FileNotFoundError:
        raise Problem(f"{paths.REGISTRY_CA}: not there", hint="./doit registry_ca") from None


def is_current() -> bool:
    """Return whether the CA that was downloaded is still good, and still the one that is served.

    A registry that does not answer at this moment does not make the CA that it served a worse one.
    """
    kept = registry_ca()
    if _judge(kept) != kept:
        return reasons.unless(False, f"{paths.REGISTRY_CA.name}: changed by hand")
    try:
        served = _judge(_offered(attempts=1))
    except Problem:
        return True
    return reasons.unless(served == kept, f"{_url()}: another CA is offered")


def fetch() -> None:
    """Download the registry's CA, and keep it if it can be trusted and the registry answers with a certificate of it.

    Raises:
        Problem: It cannot be had, or is not a CA in PEM form that is valid and, where one is pinned, the expected one;
            or the registry does not answer, has a certificate of another CA or name, or refuses the credentials.
    """
    content = _judge(_offered())
    client.prove(content)
    atomic.write(paths.REGISTRY_CA, content)
    progress.line(f"Downloaded the registry's CA from {_url()}")


def is_trusted() -> bool:
    """Return whether the Docker engine trusts the CA that was downloaded, or need not."""
    return docker_trust.is_current(registry_ca)


def trust() -> None:
    """Have the Docker engine trust the CA that was downloaded.

    Raises:
        Problem: Only root may write its file, and sudo was refused.
    """
    docker_trust.put(registry_ca())


def distrust() -> None:
    """Take the CA away from the Docker engine, where this checkout put it there."""
    docker_trust.remove(registry_ca() if paths.REGISTRY_CA.exists() else None)


def _url() -> str:
    return parameters.current().dci_registry_cert_url


def _offered(**options: int) -> bytes:
    try:
        return download.read(_url(), limit=_LARGEST, **options)
    except UntrustedServer as refused:
        return ca_offer.instead(refused, _url(), sha256=parameters.current().dci_registry_cert_sha256)


def _judge(content: bytes) -> bytes:
    return pki.judge_ca(content, _url(), sha256=parameters.current().dci_registry_cert_sha256)
