"""Facts about the machine, read and never changed. Another root gives the facts of a recorded machine."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.engines.host import namespaces, pci
from tasks.engines.programs import proxies, shell
from tasks.problems import Problem, UntrustedServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests

_KIB = 1024
_LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp
_PROBE_SECONDS = 1.5
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Answer:
    """The answer of a web server: status, the beginning of the content, and the server's time if given."""

    status: int
    content: bytes
    date: datetime | None


class Host:
    """The facts about one machine; each is read when it is first needed."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Read all files below `root`, which stands for `/`."""
        self._root = root

    def path(self, path: str) -> Path:
        """Return the path at which to read an absolute path of the machine."""
        return self._root / path.lstrip("/")

    def text(self, path: str) -> str:
        """Return the content of a file without surrounding white space, or an empty string if it cannot be read."""
        try:
            return self.path(path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def number(self, path: str) -> int | None:
        """Return the integer in a file, or None."""
        text = self.text(path)
        return int(text) if re.fullmatch(r"\d+", text) else None

    @cached_property
    def cores(self) -> int:
        """The number of processors that the kernel uses."""
        return len(re.findall(r"^processor\s*:", self.text("/proc/cpuinfo"), re.MULTILINE))

    @cached_property
    def memory(self) -> int:
        """Main memory in bytes, without what the kernel keeps for itself."""
        return self._memory("MemTotal")

    @property
    def available_memory(self) -> int:
        """Main memory in bytes that programs can get now without anything being swapped out."""
        return self._memory("MemAvailable")

    @cached_property
    def swaps(self) -> tuple[str, ...]:
        """Files and devices that are used for swap."""
        return tuple(line.split()[0] for line in self.text("/proc/swaps").splitlines()[1:])

    @cached_property
    def release(self) -> Mapping[str, str]:
        """The variables of /etc/os-release."""
        pairs = (line.partition("=") for line in self.text("/etc/os-release").splitlines())
        return {key: value.strip("\"'") for key, _, value in pairs}

    @cached_property
    def kernel(self) -> str:
        """Release of the running kernel, as `uname -r` prints it."""
        return self.text("/proc/sys/kernel/osrelease")

    @cached_property
    def listening(self) -> frozenset[int]:
        """TCP ports on which something listens."""
        rows = [line.split() for name in ("tcp", "tcp6") for line in self.text(f"/proc/net/{name}").splitlines()[1:]]
        return frozenset(int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTEN)

    @cached_property
    def inotify_instances(self) -> int:
        """The number of this user's inotify instances; those of other users cannot be seen, and do not count."""
        return sum(
            1
            for process in self._processes()
            if self._owner(process) == self.user
            for target in self.open_files(process)
            if target == "anon_inode:inotify"
        )

    @property
    def user(self) -> int:
        """The effective user id of this process."""
        return os.geteuid()

    def open_files(self, process: int) -> list[str]:
        """Return the targets of a process's open files; none if this user may not see them."""
        try:
            links = list(self.path(f"/proc/{process}/fd").iterdir())
        except OSError:
            return []
        return [target for target in map(_link, links) if target]

    def has_module(self, name: str) -> bool:
        """Return whether a kernel module is loaded, or built in with parameters."""
        return self.path(f"/sys/module/{name}").is_dir()

    def devices(self, vendor: str, class_prefix: str) -> list[str]:
        """Return the addresses of a vendor's PCI devices whose class begins with a prefix."""
        folder = "/sys/bus/pci/devices"
        addresses = sorted(entry.name for entry in self.path(folder).glob("*"))
        return [
            address
            for address in addresses
            if self.text(f"{folder}/{address}/vendor") == f"0x{vendor}"
            and self.text(f"{folder}/{address}/class").startswith(f"0x{class_prefix}")
        ]

    def displays(self, address: str) -> list[str]:
        """Return the device files of the displays that a PCI device drives: `/dev/dri/card0`, ..."""
        nodes = self.path(f"/sys/bus/pci/devices/{address}/drm").glob("*")
        return sorted(f"/dev/dri/{node.name}" for node in nodes if node.name.startswith(("card", "renderD")))

    def function(self, address: str) -> pci.Function | None:
        """Return the PCI function at an address, or None."""
        return pci.read(address, self.path("/sys"))

    def function_of(self, interface: str) -> pci.Function | None:
        """Return the PCI function of a network interface in this network namespace, or None."""
        link = self.path(f"/sys/class/net/{interface}/device")
        return self.function(link.readlink().name) if link.is_symlink() else None

    def disk(self, path: Path) -> tuple[int, int]:
        """Return the free space and the size, in bytes, of the file system that holds or would hold a path."""
        # If this user may not look at a path, its parent is used instead.
        there = next(folder for folder in (path, *path.parents) if os.path.exists(folder))  # noqa: PTH110
        usage = shutil.disk_usage(there)
        return usage.free, usage.total

    def has_access(self, path: str) -> bool:
        """Return whether this user may read and write a file."""
        return os.access(self.path(path), os.R_OK | os.W_OK)

    def has(self, program: str) -> bool:
        """Return whether a program is on PATH."""
        return shutil.which(program) is not None

    def succeeds(self, argv: Sequence[str]) -> bool:
        """Return whether a program exists and ends with exit code 0."""
        return self.has(argv[0]) and shell.Command(argv).run(check=False, timeout=_PROBE_SECONDS).returncode == 0

    def resolves(self, name: str) -> bool:
        """Return whether a host name has an address."""
        try:
            return bool(socket.getaddrinfo(name, None))
        # Python raises a UnicodeError for a label that is invalid in a host name.
        except (OSError, UnicodeError):
            return False

    def is_proxied(self, url: str) -> bool:
        """Return whether requests for `url` go through a proxy from the environment."""
        from requests.utils import get_environ_proxies

        given = get_environ_proxies(url)
        return bool(given.get(url.partition(":")[0]) or given.get("all"))

    @property
    def lifelines(self) -> Mapping[str, str]:
        """Network interfaces that must never be lent, each with the reason."""
        return namespaces.lifelines(self.path("/proc/net"))

    def now(self) -> datetime:
        """Return the time of this machine."""
        return datetime.now(timezone.utc)

    def get(self, url: str, *, ca: bytes = b"", most: int = _MOST_BYTES) -> Answer:
        """Return a web server's answer to a single attempt.

        Args:
            url: Where to ask.
            ca: PEM certificates to trust instead of the machine's.
            most: The largest part of the content that is read, in bytes.

        Raises:
            Problem: It gave no answer.
        """
        import requests

        with tempfile.NamedTemporaryFile() as trusted:
            trusted.write(ca)
            trusted.flush()
            try:
                return _ask(url, trusted.name if ca else True, most)
            except requests.exceptions.SSLError as error:
                address = (error.request.url if error.request is not None else None) or url
                at = "" if address == url else f"{address}: "
                message = f"{url}: {at}{_cause(error)}"
                raise UntrustedServer(message, address=address, hint=f"curl -v {url}") from error
            # requests raises a ValueError if a server redirects to an invalid address.
            except (requests.RequestException, ValueError) as error:
                raise Problem(f"{url}: {_cause(error)}", hint=f"curl -v {url}") from error

    def _memory(self, name: str) -> int:
        found = re.search(rf"^{name}:\s*(\d+) kB", self.text("/proc/meminfo"), re.MULTILINE)
        return int(found.group(1)) * _KIB if found else 0

    def _processes(self) -> list[int]:
        folder = self.path("/proc")
        return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit())

    def _owner(self, process: int) -> int:
        found = re.search(r"^Uid:\s*(\d+)", self.text(f"/proc/{process}/status"), re.MULTILINE)
        return int(found.group(1)) if found else -1


def _ask(url: str, trusted: str | bool, most: int) -> Answer:
    session = _session()
    asked = session.get(url, stream=True, timeout=_PROBE_SECONDS, verify=trusted, proxies=proxies.direct(url))
    with session, asked as answer:
        return Answer(answer.status_code, _beginning(answer, most), moment(answer.headers.get("Date", "")))


def _beginning(answer: requests.Response, most: int) -> bytes:
    """Return the first bytes of an answer, which may come in chunks of any size."""
    content = b""
    for chunk in answer.iter_content(_MOST_BYTES):
        content += chunk
        if len(content) >= most:
            break
    return content[:most]


def moment(date: str) -> datetime | None:
    """Return the time in a Date header (RFC 9110, 5.6.7), or None if it cannot be read."""
    try:
        told = parsedate_to_datetime(date)
        # The zone -0000 means UTC, from a clock whose own zone is unknown.
        return told.replace(tzinfo=told.tzinfo or timezone.utc)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _session() -> requests.Session:
    """Return a session that accepts an intermediate CA as the trusted one, as Docker and the nodes do."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *words: Any, **options: Any) -> None:
            super().init_poolmanager(*words, **options, ssl_context=context)

    session = requests.Session()
    session.mount("https://", Adapter())
    return session


def _link(path: Path) -> str:
    """Return the target of a link, or an empty string if another process has removed the link in the meantime."""
    try:
        return os.readlink(path)  # noqa: PTH115 - the targets of /proc/*/fd are words such as anon_inode:inotify
    except OSError:
        return ""


def _cause(error: BaseException) -> str:
    """Return the innermost cause of an error that was wrapped several times."""
    reason: BaseException = error
    while True:
        inner = reason.__cause__ or reason.__context__ or getattr(reason, "reason", None)
        if not isinstance(inner, BaseException) or inner is reason:
            break
        reason = inner
    return getattr(reason, "strerror", None) or getattr(reason, "verify_message", None) or str(reason)
