"""Where the go.mod and go.sum of an artifact are: in kind/go, or in build/ if another version is asked for."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines.files.lock import alone, part_of
from tasks.engines.go import command, tags
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.go.settings import GoSettings
    from tasks.engines.programs import shell
    from tasks.settings.artifacts import GoArtifact

# How go reports an answer of the proxy, and the statuses that mean that the proxy does not have the version: 404 and
# 410 (https://go.dev/ref/mod#goproxy-protocol), and 403 from a proxy that serves only modules on a list. A repository
# that is asked directly has an unknown revision instead.
_REFUSED = re.compile(
    r"(?:(?P<module>\S+@\S+): )?(?:reading \S+: (?P<status>(?:403|404|410) [^\n]*)"
    r"(?:\s+server response: (?P<words>[^\n]*))?|invalid version: (?P<unknown>unknown revision [^\n]*))"
)
_NEWER_GO = re.compile(r"requires go >= (?P<version>\d+\.\d+(?:\.\d+)?)")
# How go begins the report of a module that fails the check.
_UNVERIFIED = "verifying "
# With these, go writes go.mod and go.sum; its usual flags forbid it.
_WRITING = {"GOFLAGS": "-mod=mod -modcacherw"}
# How the go.mod of a repository with a staging area names the modules in it.
_STAGED = "v0.0.0"


class Unavailable(Problem):
    """The module proxy does not have a version.

    Attributes:
        words: The module with its version, and what the proxy said.
    """

    def __init__(self, artifact: GoArtifact, version: str, words: str) -> None:
        """Keep the words for a caller that goes on without the artifact."""
        super().__init__(f"{artifact.parameter} {version}: {words}", hint="./doit doctor --for images")
        self.words = words


def version(artifact: GoArtifact, settings: GoSettings) -> str:
    """Return the version in the artifact's parameter, or an empty string if its source is in this repository."""
    return str(getattr(settings, artifact.parameter.lower())) if artifact.module else ""


def pinned(artifact: GoArtifact) -> str:
    """Return the version that kind/go has the go.sum of: the tag, even if Go knows it by its commit."""
    by_go, tag = _required(artifact)
    return tag or by_go


def is_by_commit(artifact: GoArtifact) -> bool:
    """Return whether Go knows a version of the artifact by the commit of its tag only.

    Go refuses a tag of v2 or above for a module whose path does not end in that version:
    https://go.dev/ref/mod#major-version-suffixes
    """
    return bool(_required(artifact)[1])


def is_pinned(artifact: GoArtifact, settings: GoSettings) -> bool:
    """Return whether kind/go has the go.sum of the version that the parameter asks for."""
    return not artifact.module or version(artifact, settings) == pinned(artifact)


def is_resolved(artifact: GoArtifact, settings: GoSettings) -> bool:
    """Return whether go.mod and go.sum are there, so that nothing has to be asked for."""
    if is_pinned(artifact, settings):
        return True
    found = folder(artifact, settings)
    return (found / "go.sum").is_file() and all(_is_same(file, found / file.name) for file in _own_files(artifact))


def folder(artifact: GoArtifact, settings: GoSettings) -> Path:
    """Return the folder of the artifact's go.mod, whether or not it has been resolved."""
    if is_pinned(artifact, settings):
        return paths.ROOT / artifact.folder
    return paths.BUILD / "go" / f"{artifact.name}-{version(artifact, settings)}"


def repository(artifact: GoArtifact) -> str:
    """Return the address of the git repository of an artifact whose versions Go knows by their commit."""
    return f"https://{artifact.module}"


def resolve(artifact: GoArtifact, settings: GoSettings) -> Path:
    """Return the folder of the artifact's go.mod; resolve the modules of a version that kind/go does not have.

    Args:
        artifact: An entry of the artifact table.
        settings: Which version is asked for, and which Go resolves it.

    Raises:
        Unavailable: The proxy does not have the version, or a module that it requires.
        Problem: The version needs a newer Go, a module fails the check, or the proxy gives no answer.
    """
    target = folder(artifact, settings)
    if not is_resolved(artifact, settings):
        with alone(target):
            if not is_resolved(artifact, settings):
                _Resolution(artifact, settings, part_of(target)).into(target)
    return target


def refusal(output: str) -> str:
    """Return how go's output says that the proxy does not have a module, in its words, or an empty string."""
    # The checksum database is reached through the proxy too; that it does not know a module is another matter.
    found = None if _UNVERIFIED in output else _REFUSED.search(output)
    return ": ".join(filter(None, found.groups())) if found else ""


class _Resolution:
    """The go.mod and go.sum of one version, made in a folder that then takes its place."""

    def __init__(self, artifact: GoArtifact, settings: GoSettings, part: Path) -> None:
        self._artifact = artifact
        self._settings = settings
        self._part = part
        self._version = version(artifact, settings)

    def into(self, target: Path) -> None:
        """Resolve the modules, and say so."""
        progress.step(f"resolving the modules of {self._artifact.name} {self._version}")
        self._part.mkdir(parents=True)
        for file in _own_files(self._artifact):
            shutil.copyfile(file, self._part / file.name)
        self._write(_head(self._artifact))
        self._write("".join(f"{line}\n" for line in self._lines()))
        self._go("mod", "tidy")
        database = self._go("env", "GOSUMDB").strip()
        if target.exists():
            shutil.rmtree(target)
        self._part.replace(target)
        checked = "no database checks them" if database == "off" else f"checked by {re.split('[+ ]', database)[0]}"
        place = target.relative_to(paths.BUILD.parent)
        progress.line(f"{self._artifact.parameter} {self._version}: its modules are resolved in {place}, {checked}")

    def _lines(self) -> Iterator[str]:
        """Yield the lines of go.mod that go cannot find out by itself."""
        found = self._found()
        for module in _direct(self._artifact):
            yield f"require {module} {found['Version']}"
        own = json.loads(self._go("mod", "edit", "-json", found["GoMod"]))
        yield from map(_replacement, _replaced(own))
        if self._artifact.staging:
            staged = re.sub(r"^v\d+", self._artifact.staging, self._version)
            modules = [one["Path"] for one in own.get("Require") or () if one["Version"] == _STAGED]
            yield from (f"replace {module} => {module} {staged}" for module in modules)

    def _found(self) -> dict[str, str]:
        """Return how go knows the version, and where its own go.mod is."""
        done = self._attempt("mod", "download", "-json", f"{self._artifact.module}@{self._query()}")
        found: dict[str, str] = json.loads(done.stdout or "{}")
        if done.returncode != 0:
            raise self._explained(found.get("Error") or done.stderr)
        return found

    def _query(self) -> str:
        """Return what go is asked for: the version, or the commit of its tag."""
        if not is_by_commit(self._artifact):
            return self._version
        address = repository(self._artifact)
        commits = tags.read(address)
        if self._version not in commits:
            raise Unavailable(self._artifact, self._version, f"{address} has no such tag")
        return commits[self._version]

    def _write(self, text: str) -> None:
        with (self._part / "go.mod").open("a", encoding="utf-8") as file:
            file.write(text)

    def _go(self, *arguments: str) -> str:
        done = self._attempt(*arguments)
        if done.returncode != 0:
            raise self._explained(done.stderr)
        return done.stdout

    def _attempt(self, *arguments: str) -> shell.Completed:
        return command.attempt(self._part, self._settings, *arguments, **_WRITING)

    def _explained(self, said: str) -> Problem:
        name = self._artifact.parameter
        if newer := _NEWER_GO.search(said):
            needed = newer["version"] if newer["version"].count(".") > 1 else f"{newer['version']}.0"
            message = f"{name} {self._version} needs Go {needed}, and GO_VERSION is {self._settings.go_version}"
            return Problem(message, hint=f"GO_VERSION={needed} with the same command")
        if words := refusal(said):
            return Unavailable(self._artifact, self._version, words)
        what = "are not what the checksum database says" if _UNVERIFIED in said else "cannot be resolved"
        message = f"{name} {self._version}: its modules {what}"
        return Problem(message, details=said, hint=f"{name}={pinned(self._artifact)}, whose checksums are in kind/go")


def _replaced(own: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the replacements of a go.mod that hold in another repository too; they bind in a main module only."""
    return [one for one in own.get("Replace") or () if one["New"].get("Version")]


def _replacement(one: dict[str, Any]) -> str:
    old, new = (" ".join(filter(None, (one[side]["Path"], one[side].get("Version")))) for side in ("Old", "New"))
    return f"replace {old} => {new}"


def _text(artifact: GoArtifact) -> str:
    return (paths.ROOT / artifact.folder / "go.mod").read_text(encoding="utf-8")


def _head(artifact: GoArtifact) -> str:
    """Return the name of the module in kind/go and the version of Go that it is written for."""
    return "\n".join(re.findall(r"^(?:module|go) .*\n", _text(artifact), re.MULTILINE))


def _direct(artifact: GoArtifact) -> list[str]:
    """Return the modules that the artifact itself names, all of them at its version."""
    return re.findall(r"^require (\S+) ", _text(artifact), re.MULTILINE)


def _required(artifact: GoArtifact) -> tuple[str, str]:
    """Return the version in go.mod, and the tag in the comment behind it if Go's version is a commit."""
    line = rf"^(?:require)?\s*{re.escape(artifact.module)} (\S+)(?: // (v\S+))?"
    found = re.search(line, _text(artifact), re.MULTILINE)
    return (found[1], found[2] or "") if found else ("", "")


def _own_files(artifact: GoArtifact) -> list[Path]:
    return sorted((paths.ROOT / artifact.folder).glob("*.go"))


def _is_same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()
