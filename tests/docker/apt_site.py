"""Signed apt repositories and other files, small and made on the spot, and their server."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.host import apt
from tasks.engines.programs import shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

_PROGRAMS = {"gpg": "gnupg", "gpg-agent": "gpg-agent", "gpgconf": "gnupg", "dpkg-deb": "dpkg"}


@dataclass(frozen=True)
class Package:
    """A package: its files by path, and what its installation runs at the end."""

    name: str
    version: str
    files: Mapping[str, str]
    postinst: str = ""


class Site:
    """A folder that is served, and the keys that sign what is in it."""

    def __init__(self, root: Path) -> None:
        apt.install(_PROGRAMS)
        self.root = root / "www"
        self.root.mkdir()
        self._home = root / "gnupg"
        self._home.mkdir(mode=0o700)
        self._work = root / "packages"

    def make_key(self, name: str) -> str:
        """Make a signing key, and return its public part."""
        self._gpg("--passphrase", "", "--quick-generate-key", f"{name}@test.example", "ed25519", "sign", "never")
        return self._gpg("--armor", "--export", f"{name}@test.example")

    def forget_keys(self) -> None:
        shell.run(["gpgconf", "--homedir", str(self._home), "--kill", "all"])

    def write(self, path: str, content: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(content, encoding="utf-8")

    def add_package(self, repository: str, package: Package) -> None:
        name, version = package.name, package.version
        tree = self._work / f"{name}-{version}"
        for path, content in {**package.files, "DEBIAN/control": _control(name, version)}.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(content, encoding="utf-8")
            if content.startswith("#!"):
                (tree / path).chmod(0o755)
        if package.postinst:
            (tree / "DEBIAN/postinst").write_text(f"#!/bin/sh\nset -e\n{package.postinst}\n", encoding="utf-8")
            (tree / "DEBIAN/postinst").chmod(0o755)
        (self.root / repository).mkdir(parents=True, exist_ok=True)
        deb = self.root / repository / f"{name}_{version.replace(':', '-')}.deb"
        shell.run(["dpkg-deb", "--root-owner-group", "--build", tree, deb])

    def publish(self, repository: str, key: str) -> None:
        """Write the index of a flat repository, signed by a key."""
        folder = self.root / repository
        entries = [
            f"{_control_of(deb)}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {_sha256(deb)}\n"
            for deb in sorted(folder.glob("*.deb"))
        ]
        index = folder / "Packages"
        index.write_text("\n".join(entries), encoding="utf-8")
        release = f"Origin: test\nSHA256:\n {_sha256(index)} {index.stat().st_size} Packages\n"
        (folder / "Release").write_text(release, encoding="utf-8")
        self._gpg(
            "--local-user", f"{key}@test.example", "--clearsign", "--output", f"{folder}/InRelease", f"{folder}/Release"
        )

    def _gpg(self, *words: str) -> str:
        options = ["--homedir", str(self._home), "--batch", "--yes", "--pinentry-mode", "loopback"]
        return shell.run(["gpg", *options, *words]).stdout


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files; asked as a proxy, it answers for every host."""

    server: Server

    def translate_path(self, path: str) -> str:
        self.server.asked.append(path)
        return super().translate_path(f"/{path.split('/', 3)[3]}" if path.startswith("http://") else path)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Remembers what it was asked for."""

    asked: list[str]


@contextlib.contextmanager
def served(folder: Path, address: str) -> Iterator[Server]:
    """Serve a folder at a port of an address."""

    def handler(*arguments: Any) -> _Handler:
        return _Handler(*arguments, directory=str(folder))

    with Server((address, 0), handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


def _control(name: str, version: str) -> str:
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: Test <test@test.example>\n"
        f"Description: stands in for {name}\n"
    )


def _control_of(deb: Path) -> str:
    return shell.run(["dpkg-deb", "--field", deb]).stdout


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
