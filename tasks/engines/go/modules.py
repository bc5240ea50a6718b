"""Go programs built from modules, kept in CACHE_DIR under a digest of their sources and compiler."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files import modes
from tasks.engines.files.lock import alone, part_of
from tasks.engines.go import command, sources
from tasks.engines.go import toolchain as go_toolchain
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.go.settings import GoSettings
    from tasks.settings.artifacts import GoArtifact

# How a definition ends that has to wait for its go.sum.
UNRESOLVED = "whose modules are not resolved yet"
_LINKER = "-s -w"


@dataclass(frozen=True)
class Toolchain:
    """Where the pinned Go is, and the modules that it has fetched.

    Attributes:
        root: GOROOT.
        modules: GOMODCACHE.
    """

    root: Path
    modules: Path


def definition(artifact: GoArtifact, settings: GoSettings, base: str = "") -> str:
    """Return the SHA-256 of what an artifact is made of: sources, go.mod, go.sum, flags and toolchain.

    Nothing is resolved for it: as long as go.mod and go.sum of a version are not there, words say so.

    Args:
        artifact: An entry of the artifact table.
        settings: Which Go compiles, and the artifact's version.
        base: What identifies the image whose C libraries it links, if it links any.

    Raises:
        ValueError: It links C libraries, and `base` is empty.
    """
    if artifact.compiler and not base:
        raise ValueError(f"{artifact.name} links C libraries, and the image that has them is not named")
    if not sources.is_resolved(artifact, settings):
        return f"{sources.version(artifact, settings)}, {UNRESOLVED}"
    built = asdict(artifact)
    del built["release"], built["staging"]  # no part of what is compiled
    del built["tags"]  # among the flags
    compiler = built.pop("compiler")
    parts = {
        "artifact": built,
        "flags": [*sorted(go_toolchain.FENCE.items()), _linker_flags(artifact, settings), *_tags(artifact)],
        "go": go_toolchain.used(settings),
        "files": _digests(sources.folder(artifact, settings)),
        **({"compiler": _digests(paths.KIND / compiler), "base": base} if compiler else {}),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def build(artifact: GoArtifact, settings: GoSettings) -> Path:
    """Build the programs of an artifact that needs no C compiler; a finished build is kept and used again.

    Args:
        artifact: An entry of the artifact table.
        settings: Which Go compiles, and where builds are kept.

    Returns:
        The folder that holds them.

    Raises:
        Problem: It does not compile, a module cannot be fetched, or its checksum is not the one in go.sum.
    """
    sources.resolve(artifact, settings)
    return _ensure_build(lambda: _target(artifact, settings), settings, functools.partial(_compile, artifact, settings))


def build_with_c(artifact: GoArtifact, settings: GoSettings, base: str, compile_into: Callable[[Path], None]) -> Path:
    """Build the programs of an artifact that links C libraries; a finished build is kept and used again.

    Args:
        artifact: An entry of the artifact table.
        settings: Which Go compiles, and where builds are kept.
        base: What identifies the image whose C libraries it links.
        compile_into: Compiles the programs into an empty folder.

    Returns:
        The folder that holds what was compiled.

    Raises:
        Problem: It does not compile, a module cannot be fetched, or its checksum is not the one in go.sum.
    """
    sources.resolve(artifact, settings)
    return _ensure_build(lambda: _target(artifact, settings, base), settings, compile_into)


def settle(settings: GoSettings) -> None:
    """Choose and fetch the Go that compiles, so that the digests of what it compiles name the right one."""
    go_toolchain.choose(settings)


def version(settings: GoSettings) -> str:
    """Return the version of the Go that compiles here, as Go writes it (`go1.23.0`)."""
    return go_toolchain.used(settings)


def is_built(artifact: GoArtifact, settings: GoSettings, base: str = "") -> bool:
    """Return whether a finished build of an artifact is kept; `base` is the same as for `definition`."""
    return sources.is_resolved(artifact, settings) and _target(artifact, settings, base).is_dir()


def fetch(artifact: GoArtifact, settings: GoSettings, *modules: str) -> str:
    """Fetch modules that an artifact requires, and return go's JSON output for each, errors included.

    Args:
        artifact: An entry of the artifact table.
        settings: Which Go fetches, and through which module proxies.
        modules: Module paths; if none is given, all that its go.mod requires.

    Raises:
        Problem: go itself does not work and prints nothing about any module.
    """
    folder = sources.resolve(artifact, settings)
    done = command.attempt(folder, settings, "mod", "download", "-json", *modules)
    if not done.stdout.strip():
        raise Problem(f"{artifact.name}: go prints nothing about its modules", details=done.stderr)
    return done.stdout


def fetch_packages(artifact: GoArtifact, settings: GoSettings) -> None:
    """Fetch all modules from which the programs of an artifact are compiled, and no others.

    Raises:
        Problem: A module cannot be fetched, or its checksum is not the one in go.sum.
    """
    progress.step(f"fetching the source of {artifact.name}")
    # The packages are found by their imports, so that modules which only tests import stay where they are.
    _go(artifact, settings, "list", "-deps", "-f", "{{.Name}}", *(one.package for one in artifact.programs))


def program(artifact: GoArtifact, name: str, settings: GoSettings) -> Path:
    """Return the path of one program of an artifact; build the artifact if necessary."""
    return build(artifact, settings) / name


def module_folder(artifact: GoArtifact, module: str, settings: GoSettings) -> Path:
    """Return the folder of a module that an artifact requires: unpacked, and verified with go.sum.

    Args:
        artifact: An entry of the artifact table.
        module: Module path; its version is the one in the artifact's go.mod.
        settings: Which Go fetches it, and from where.

    Raises:
        Problem: The module cannot be fetched, or its checksum is not the one in go.sum.
    """
    answer = _go(artifact, settings, "mod", "download", "-json", module)
    return Path(json.loads(answer)["Dir"])


def build_tree(source: Path, package: str, output: Path, settings: GoSettings) -> None:
    """Compile one program of a source tree outside the artifact table; its own go.sum verifies its modules.

    Args:
        source: Folder of its go.mod.
        package: The program's package, `.` for the source folder itself.
        output: File to write.
        settings: Which Go compiles.

    Raises:
        Problem: It does not compile.
    """
    progress.step(f"compiling {output.name}")
    command.run(source, settings, "build", "-ldflags", _LINKER, "-o", str(output), package)


def fetch_modules(source: Path, settings: GoSettings) -> Toolchain:
    """Fetch all modules of a source tree, so that it compiles without a network.

    Args:
        source: Folder of its go.mod.
        settings: Which Go fetches them, and from where.

    Returns:
        Where the Go that compiles it is, and where its modules are.

    Raises:
        Problem: A module cannot be fetched, or its checksum is not the one in go.sum.
    """
    progress.step(f"fetching the Go modules of {source.name}")
    command.run(source, settings, "mod", "download")
    root, modules = command.run(source, settings, "env", "GOROOT", "GOMODCACHE").splitlines()
    return Toolchain(Path(root), Path(modules))


def _target(artifact: GoArtifact, settings: GoSettings, base: str = "") -> Path:
    return settings.cache_dir / "go" / "out" / f"{artifact.name}-{definition(artifact, settings, base)[:16]}"


def _ensure_build(target_of: Callable[[], Path], settings: GoSettings, compile_into: Callable[[Path], None]) -> Path:
    """Return the folder of a build, made if necessary; its name depends on the Go that compiles, chosen first."""
    if not target_of().is_dir():
        settle(settings)
    target = target_of()
    with alone(target):
        if not target.is_dir():
            part = part_of(target)
            part.mkdir()
            compile_into(part)
            modes.normalise(part)
            part.replace(target)
    return target


def _compile(artifact: GoArtifact, settings: GoSettings, part: Path) -> None:
    progress.step(f"compiling {artifact.name}")
    packages = [program.package for program in artifact.programs]
    flags = [*_tags(artifact), "-ldflags", _linker_flags(artifact, settings)]
    _go(artifact, settings, "build", "-v", *flags, "-o", f"{part}/", *packages)
    for program in artifact.programs:
        (part / _default_name(artifact, program.package)).rename(part / program.name)


def _default_name(artifact: GoArtifact, package: str) -> str:
    """Return the name that Go gives a program: the last part of its import path that is not a version."""
    path = artifact.folder if package == "." else package
    return re.sub(r"/v\d+$", "", path).rpartition("/")[2]


def _linker_flags(artifact: GoArtifact, settings: GoSettings) -> str:
    version = sources.version(artifact, settings)
    major, minor = [*version.lstrip("v").split("."), "", ""][:2]
    values = [stamp.format(version=version, major=major, minor=minor) for stamp in artifact.stamps]
    return " ".join([_LINKER, *(f"-X {value}" for value in values)])


def _tags(artifact: GoArtifact) -> list[str]:
    return ["-tags", ",".join(artifact.tags)] if artifact.tags else []


def _sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")


def _digests(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in _sources(folder)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _go(artifact: GoArtifact, settings: GoSettings, *arguments: str) -> str:
    return command.run(sources.resolve(artifact, settings), settings, *arguments)
