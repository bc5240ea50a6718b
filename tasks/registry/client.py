"""The registry from the side that pushes: its addresses, and whether it has an image already."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.docker import images
from tasks.problems import Problem
from tasks.registry import self_signed
from tasks.registry.server import OK, PING, UNAUTHORIZED, Server, trusting, trusting_only
from tasks.settings import credentials, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters

_FORBIDDEN = 403
_NOT_FOUND = 404


@dataclass(frozen=True)
class Registry:
    """The registry of a run.

    Attributes:
        pull_address: Registry and path under which the cluster pulls images: `host[:port]/path`.
        push_address: Registry and path under which this machine's engine pushes the same images.
        ca: File with its CA, as PEM text; until it is there, the machine's own trusted CAs count.
        anonymous: Whether it requires no credentials.
    """

    pull_address: str
    push_address: str
    ca: Path
    anonymous: bool = False

    @property
    def host(self) -> str:
        """Its address as seen from this machine: `host[:port]`."""
        return self.push_address.partition("/")[0]

    def holds(self, reference: str) -> bool:
        """Return whether it has an image.

        Args:
            reference: Its full name, as the cluster pulls it: `host[:port]/path/name:tag`.
        """
        try:
            return self._status(reference) == OK
        except Problem:
            return False

    def require(self, references: Iterable[str]) -> None:
        """Stop if it lacks images.

        Args:
            references: Full names; those of other registries are ignored.

        Raises:
            Problem: One line per missing image; or the registry does not answer.
        """
        ours = [reference for reference in dict.fromkeys(references) if reference.startswith(f"{self.pull_address}/")]
        missing = [f"image {reference}: {reason}" for reference in ours for reason in _refusal(self._status(reference))]
        if missing:
            raise Problem("\n".join(missing), hint=f"docker push it there, with {_secret_hint()} if required")

    def push(self, local_tag: str, reference: str) -> None:
        """Push an image of the engine.

        Args:
            local_tag: Its name in the engine.
            reference: Its full name, as the cluster pulls it.

        Raises:
            Problem: It refused or did not answer.
        """
        images.push(local_tag, self.pushed(reference), anonymous=self.anonymous)

    def prove(self, ca: bytes) -> None:
        """Check that it answers with a certificate of a CA and accepts the credentials, if there are any.

        Args:
            ca: The CA, as PEM text.

        Raises:
            Problem: It does not answer, its certificate is of another CA or for another name, it refuses the
                credentials, or it is no registry.
        """
        url = f"https://{self.host}{PING}"
        try:
            status = Server(self.host, trusting_only(ca.decode("ascii"))).status("GET", PING)
        except Problem as problem:
            if isinstance(problem.__cause__, ssl.SSLCertVerificationError):
                raise self_signed.explained(problem, ca, self.host) from problem
            raise
        if status == UNAUTHORIZED and credentials.current():
            raise Problem(f"{url}: the registry refuses the credentials", hint=_secret_hint())
        if status not in {OK, UNAUTHORIZED}:
            raise Problem(f"{url}: status {status}, which is no registry's", hint=f"curl -v {url}")

    def pushed(self, reference: str) -> str:
        """Return the name under which this machine's engine pushes an image, from the one that the cluster pulls."""
        return reference.replace(f"{self.pull_address}/", f"{self.push_address}/", 1)

    def _status(self, reference: str) -> int:
        """Return the status of its answer to a request for an image's manifest."""
        host, _, path = self.pushed(reference).partition("/")
        repository, _, tag = path.rpartition(":")
        return Server(host, trusting(self.ca)).status("HEAD", f"/v2/{repository}/manifests/{tag}")


def of(chosen: Parameters) -> Registry:
    """Return the registry that the parameters name.

    Images are pushed to the embedded registry through the loopback address, which Docker trusts without a CA; the host
    does not know the registry's own name. The registry requires no credentials, so a configured credential helper may
    be missing.
    """
    address = chosen.dci_registry_addr_alt
    if chosen.registry != "embedded":
        return Registry(address, address, paths.REGISTRY_CA)
    pushed = f"127.0.0.1:{chosen.registry_port}/{address.partition('/')[2]}"
    return Registry(address, pushed, paths.REGISTRY_CA, anonymous=True)


def _secret_hint() -> str:
    return f"{credentials.USER} and {credentials.PASSWORD} in the environment"


def _refusal(status: int) -> Iterator[str]:
    """Yield why an image cannot be pulled, by the status of its manifest; nothing if it can."""
    if status in {UNAUTHORIZED, _FORBIDDEN}:
        yield f"the registry refuses it (status {status})"
    elif status == _NOT_FOUND:
        yield "not in the registry"
    elif status != OK:
        yield f"the registry answers with status {status}"
