"""The CA of the registry: downloaded, judged, kept for the nodes, and trusted by the Docker that pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress, reasons
from tasks.engines import docker, download, files, pki, registry, root
from tasks.problems import Problem
from tasks.settings import parameters, paths
from tasks.settings import registry as table

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 20
_LOOPBACK = ("127.", "localhost")


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
        served = _judge(download.read(_url(), limit=_LARGEST, attempts=1))
    except Problem:
        return True
    return reasons.unless(served == kept, f"{_url()}: another CA is offered")


def fetch() -> None:
    """Download the registry's CA, and keep it if it can be trusted and the registry answers with a certificate of it.

    Raises:
        Problem: It cannot be had, or is not a CA in PEM form that is valid and, where one is pinned, the expected one;
            or the registry does not answer, has a certificate of another CA or name, or refuses the credentials.
    """
    content = _judge(download.read(_url(), limit=_LARGEST))
    registry.prove(content)
    files.write(paths.REGISTRY_CA, content)
    progress.line(f"Downloaded the registry's CA from {_url()}")


def is_trusted() -> bool:
    """Return whether the Docker engine trusts the CA that was downloaded, or need not."""
    file = trust_file()
    return file is None or reasons.unless(trusts(file, registry_ca()), f"{file}: does not hold the registry's CA")


def trust() -> None:
    """Have the Docker engine trust the CA that was downloaded; it reads the file at each push.

    Raises:
        Problem: Only root may write the file, and sudo was refused.
    """
    file = trust_file()
    if file is not None and not trusts(file, registry_ca()):
        root.write(file, table.TRUST_MARK + registry_ca().decode("ascii"))
        progress.line(f"The Docker engine trusts the registry's CA: {file}")


def distrust() -> None:
    """Take the CA away from the Docker engine, where this tool put it there."""
    file = trust_file()
    if file is not None and _text(file).startswith(table.TRUST_MARK):
        root.run("rm", "-f", file)
        root.run("rmdir", "--ignore-fail-on-non-empty", file.parent)
        progress.line(f"Removed {file}.")


def trust_file() -> Path | None:
    """Return where the Docker engine looks for the registry's CA.

    None where the registry is pushed to by loopback, which Docker trusts as it is, or the engine is on another machine,
    whose files are its owner's.
    """
    host = registry.push_address().partition("/")[0]
    if host.startswith(_LOOPBACK) or not docker.host_url().startswith("unix://"):
        return None
    return table.DOCKER_TRUST / host / "ca.crt"


def trusts(file: Path, ca: bytes) -> bool:
    """Return whether a file holds a CA, among others perhaps.

    Args:
        file: PEM certificates with text between them.
        ca: The CA, as PEM text.
    """
    return ca.decode("ascii").strip() in _text(file)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _url() -> str:
    return parameters.current().dci_registry_cert_url


def _judge(content: bytes) -> bytes:
    return pki.judge_ca(content, _url(), sha256=parameters.current().dci_registry_cert_sha256)
