"""The registry's CA where the Docker engine that pushes looks for it, next to files that an administrator put there.

Docker trusts every `*.crt` in the folder of a registry. So each checkout has a file with a name of its own there, and
leaves all other files alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.docker import client
from tasks.engines.files import atomic
from tasks.engines.programs import root
from tasks.problems import Problem
from tasks.registry import client as registry_client
from tasks.registry import pki
from tasks.settings import paths
from tasks.settings import registry as table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

_LOOPBACK = ("127.", "localhost")
_SUFFIX = ".crt"
_MADE = "# Made for it: "


@dataclass(frozen=True)
class Trust:
    """Docker's folder of trusted CAs, as a checkout uses it for its registry.

    Attributes:
        host: The registry that is pushed to: `host[:port]`.
        engine: Returns the address of the engine that pushes; called only if it matters.
        checkout: The owner of the files: checkouts may have different CAs for one registry.
        folder: Where the engine looks for CAs, in one subfolder per registry.
    """

    host: str
    engine: Callable[[], str]
    checkout: Path
    folder: Path

    @property
    def own_name(self) -> str:
        """The name of this checkout's files."""
        return f"{table.TRUST_PREFIX}{hashlib.sha256(str(self.checkout).encode()).hexdigest()[:8]}{_SUFFIX}"

    def file(self) -> Path | None:
        """Return the path of this checkout's file for the registry, or None if there should be none.

        There is none if images are pushed through loopback, which Docker trusts without a CA, or if the engine is on
        another machine, whose files belong to its owner.
        """
        if self.host.startswith(_LOOPBACK) or not self.engine().startswith("unix://"):
            return None
        return self.folder / self.host / self.own_name

    def lack(self, ca: Callable[[], bytes]) -> Lack:
        """Return the folder in which the Docker engine lacks the registry's CA, if it needs it there.

        Args:
            ca: Returns the CA's certificates, as PEM text; called only if the engine needs them.
        """
        place = self.file()
        if place is None:
            return lacks.NOTHING
        return lacks.unless(holds(place.parent, ca()), f"{place.parent}: does not hold the registry's CA")

    def put(self, ca: bytes) -> None:
        """Make the Docker engine trust a CA; it reads the folder at each push.

        Raises:
            Problem: Only root may write the file, and sudo was refused; or somebody else made a file of that name.
        """
        place = self.file()
        if place is None or holds(place.parent, ca):
            return
        if place.exists() and not _is_ours(place):
            raise Problem(f"{place}: not written by this tool", hint=f"sudo rm {place}, if nobody needs it")
        root.write(place, self._header(place) + ca.decode("ascii"))
        progress.line(f"The Docker engine trusts the registry's CA: {place}")

    def remove(self, ca: bytes | None) -> None:
        """Remove this checkout's files, for every registry that it has used, and the folders made for them.

        Args:
            ca: The CA's certificates, as PEM text, which identify a file of an earlier version; None if there are none.
        """
        for place in self.ours():
            made = _made_for(place, [place])
            _remove(place)
            for folder in sorted(made, reverse=True):
                root.run("rmdir", "--ignore-fail-on-non-empty", folder)
        current = self.file()
        earlier = current.with_name("ca.crt") if current else None
        if earlier and ca is not None and atomic.text(earlier) == table.EARLIER_TRUST_MARK + ca.decode("ascii"):
            _remove(earlier)

    def ours(self) -> list[Path]:
        """Return this checkout's files, for every registry that it has used."""
        return sorted(place for place in self.folder.glob(f"*/{self.own_name}") if _is_ours(place))

    def _header(self, place: Path) -> str:
        """Return the lines before the certificates: the owner, and the folders to remove with this tool's last file."""
        ours = list(self.folder.glob(f"*/{table.TRUST_PREFIX}*{_SUFFIX}"))
        missing = [folder for folder in place.parents if root.run("test", "-e", folder, check=False).returncode != 0]
        made = sorted({*missing, *_made_for(place, ours)})
        first = f"{table.TRUST_MARK} in {self.checkout}; ./doit clean there removes it.\n"
        return first + "".join(f"{_MADE}{folder}\n" for folder in made)


def of(chosen: Parameters) -> Trust:
    """Return the trust in the registry that the parameters name."""
    return Trust(registry_client.of(chosen).host, client.host_url, paths.ROOT, table.DOCKER_TRUST)


def holds(folder: Path, ca: bytes) -> bool:
    """Return whether Docker trusts a CA through the files of a folder, whoever put them there.

    Args:
        folder: The folder of a registry.
        ca: The CA's certificates, as PEM text.
    """
    held = {certificate for crt in folder.glob(f"*{_SUFFIX}") for certificate in pki.certificates_in(atomic.text(crt))}
    return held.issuperset(pki.certificates_in(ca.decode("ascii")))


def _remove(place: Path) -> None:
    root.run("rm", "-f", place)
    progress.line(f"Removed {place}.")


def _is_ours(place: Path) -> bool:
    return atomic.text(place).startswith(table.TRUST_MARK)


def _made_for(place: Path, ours: Iterable[Path]) -> set[Path]:
    """Return the folders above a file that were made for files of this tool, according to these files."""
    lines = [line for one in ours if _is_ours(one) for line in atomic.text(one).splitlines()]
    return {folder for folder in place.parents if f"{_MADE}{folder}" in lines}
