"""Registries from the side that pushes: their addresses, and whether they have an image already."""

from __future__ import annotations

import functools
import json
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.docker import images, logins
from tasks.problems import Problem
from tasks.registry import self_signed
from tasks.registry.server import OK, PING, UNAUTHORIZED, Server, trusting, trusting_only
from tasks.settings import credentials, paths
from tasks.settings import registry as table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tasks.settings.credentials import Credentials
    from tasks.settings.parameters.model import Parameters

_FORBIDDEN = 403
_NOT_FOUND = 404
_REFUSED = frozenset({UNAUTHORIZED, _FORBIDDEN})
# The server of a registry whose images have another name.
_SERVERS = {"docker.io": "registry-1.docker.io"}
_SIDE_BY_SIDE = 8
# Of an image for several kinds of machines.
_ARCHITECTURE = "amd64"


@dataclass(frozen=True)
class Answer:
    """What a registry says about an image.

    Attributes:
        status: The status of its manifest.
        by_login: Whether only the user's own `docker login` led to it.
    """

    status: int
    by_login: bool = False

    @property
    def is_absent(self) -> bool:
        """Whether the image is certainly not there."""
        return self.status == _NOT_FOUND

    @property
    def refusal(self) -> str:
        """Why the image cannot be pulled; empty if it can."""
        if self.status in _REFUSED:
            return f"the registry refuses it (status {self.status})"
        if self.is_absent:
            return "not in the registry"
        return "" if self.status == OK else f"the registry answers with status {self.status}"


@dataclass(frozen=True)
class Registry:
    """A registry of a run.

    Attributes:
        pull_address: Registry and path under which the cluster pulls images: `host[:port]/path`.
        push_address: Registry and path under which this machine's engine pushes the same images.
        ca: File with its CA, as PEM text; until it is there, the machine's own trusted CAs count.
        anonymous: Whether it is asked without credentials.
        offered: The CA, as PEM text, where the file is not there yet.
        is_far: Whether it is outside the site: only the machine's own CAs count, and proxies lead there.
        store: Folder of this machine in which it keeps its images, whether or not it runs; None for one elsewhere.
    """

    pull_address: str
    push_address: str
    ca: Path
    anonymous: bool = False
    offered: str = ""
    is_far: bool = False
    store: Path | None = None

    @property
    def host(self) -> str:
        """Its address as seen from this machine: `host[:port]`."""
        return self.push_address.partition("/")[0]

    def holds(self, reference: str) -> bool:
        """Return whether it has an image, or will have it once it runs.

        Args:
            reference: Its full name, as the cluster pulls it: `host[:port]/path/name:tag`.
        """
        try:
            return self.ask(reference).status == OK
        except Problem:
            return self._stores(reference)

    def answers(self, references: Iterable[str]) -> dict[str, Answer]:
        """Return what it says about images, all asked side by side.

        Args:
            references: Full names.

        Raises:
            Problem: It does not answer.
        """
        asked = list(dict.fromkeys(references))
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
            return dict(zip(asked, threads.map(self.ask, asked), strict=True))

    def require(self, references: Iterable[str]) -> None:
        """Stop if it lacks images.

        Args:
            references: Full names; those of other registries are ignored.

        Raises:
            Problem: One line per missing image; or the registry does not answer.
        """
        answers = self.answers(reference for reference in references if reference.startswith(f"{self.pull_address}/"))
        missing = [f"image {reference}: {answer.refusal}" for reference, answer in answers.items() if answer.refusal]
        if missing:
            raise Problem("\n".join(missing), hint=f"docker push it there; if that is required, {self.login_hint}")
        self.say_who_pulls(answers.values())

    def say_who_pulls(self, answers: Iterable[Answer]) -> None:
        """Report, once in a run, that nodes need credentials for images that only `docker login` led to."""
        if any(answer.by_login for answer in answers):
            _say_who_pulls(self.host)

    @property
    def login_hint(self) -> str:
        """How this machine and the nodes get its credentials."""
        return f"docker login {self.host} for this machine, {_secret_hint()} for the nodes too"

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
        login = credentials.current()
        try:
            status = Server(self.host, trusting_only(ca.decode("ascii")), login).status("GET", PING)
        except Problem as problem:
            if isinstance(problem.__cause__, ssl.SSLCertVerificationError):
                raise self_signed.explained(problem, ca, self.host) from problem
            raise
        if status == UNAUTHORIZED and login:
            raise Problem(f"{url}: the registry refuses the credentials", hint=_secret_hint())
        if status not in {OK, UNAUTHORIZED}:
            raise Problem(f"{url}: status {status}, which is no registry's", hint=f"curl -v {url}")

    def pushed(self, reference: str) -> str:
        """Return the name under which this machine's engine pushes an image, from the one that the cluster pulls."""
        return reference.replace(f"{self.pull_address}/", f"{self.push_address}/", 1)

    def ask(self, reference: str) -> Answer:
        """Return what it says about an image.

        It is asked with the credentials of this process. If there are none, it is asked as anybody, and where that is
        refused, with the user's own `docker login`.

        Args:
            reference: The full name, as the cluster pulls it.

        Raises:
            Problem: It does not answer.
        """
        given = None if self.anonymous else credentials.current()
        found = Answer(self._status(reference, given))
        if given or self.anonymous or found.status not in _REFUSED:
            return found
        login = logins.of(self.host)
        return Answer(self._status(reference, login), by_login=True) if login else found

    def size(self, reference: str) -> int | None:
        """Return how many bytes of an image are pulled, or None if it does not say: then nobody can know.

        Args:
            reference: The full name, as the cluster pulls it.
        """
        login = None if self.anonymous else credentials.current() or logins.of(self.host)
        if not reference.startswith(f"{self.pull_address}/"):
            return None
        try:
            return self._size(self._server(reference, login), *self._place(reference))
        except (Problem, ValueError, LookupError, TypeError, AttributeError):
            return None  # the pull goes on all the same

    def _size(self, server: Server, repository: str, tag: str) -> int:
        """Return the sum of what a manifest lists; of an index, what the first image for this kind of machine lists."""
        manifest = json.loads(server.answer("GET", f"/v2/{repository}/manifests/{tag}").content)
        if "manifests" in manifest:
            fitting = (one for one in manifest["manifests"] if one["platform"]["architecture"] == _ARCHITECTURE)
            return self._size(server, repository, str(next(fitting)["digest"]))
        return sum(int(part["size"]) for part in (manifest["config"], *manifest["layers"]))

    def _status(self, reference: str, login: Credentials | None) -> int:
        """Return the status of its answer to a request for an image's manifest."""
        repository, tag = self._place(reference)
        return self._server(reference, login).status("HEAD", f"/v2/{repository}/manifests/{tag}")

    def _server(self, reference: str, login: Credentials | None) -> Server:
        host = self.pushed(reference).partition("/")[0]
        return Server(_SERVERS.get(host, host), self._context(), login, is_far=self.is_far)

    def _stores(self, reference: str) -> bool:
        """Return whether its folder on this machine names an image, as distribution lays it out."""
        repository, tag = self._place(reference)
        named = f"docker/registry/v2/repositories/{repository}/_manifests/tags/{tag}/current/link"
        return self.store is not None and (self.store / named).is_file()

    def _place(self, reference: str) -> tuple[str, str]:
        """Return the repository and the tag of an image."""
        repository, _, tag = self.pushed(reference).partition("/")[2].rpartition(":")
        return repository, tag

    def _context(self) -> ssl.SSLContext:
        return trusting_only(self.offered or None) if self.offered or self.is_far else trusting(self.ca)


def of(chosen: Parameters) -> Registry:
    """Return the registry that the cluster's own images are pushed to, as the parameters name it.

    Images are pushed to the embedded registry through the loopback address, which Docker trusts without a CA; the host
    does not know the registry's own name. The registry requires no credentials, so a configured credential helper may
    be missing.
    """
    address = chosen.dci_registry_addr_alt
    if chosen.registry != "embedded":
        return Registry(address, address, paths.REGISTRY_CA)
    pushed = f"127.0.0.1:{chosen.registry_port}/{address.partition('/')[2]}"
    return Registry(address, pushed, paths.REGISTRY_CA, anonymous=True, store=table.store(chosen.cache_dir))


def publisher(chosen: Parameters) -> Registry:
    """Return the registry that holds the controller's images as published.

    Where it is the cluster's own registry, its CA and its credentials count. Any other one is asked as the nodes will
    ask it: as anybody.
    """
    address, own = chosen.dci_registry_addr, of(chosen)
    host, _, path = address.partition("/")
    if host == own.pull_address.partition("/")[0]:
        return replace(own, pull_address=address, push_address=f"{own.host}/{path}")
    return Registry(address, address, own.ca, anonymous=True, is_far=True)


@functools.cache
def _say_who_pulls(host: str) -> None:
    progress.line(
        f"{host}: asked with your docker login, which the nodes do not get: put {_secret_hint()}, once, for them"
    )


def _secret_hint() -> str:
    return f"{credentials.USER} and {credentials.PASSWORD} in the environment"
