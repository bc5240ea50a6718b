"""How a node image is made: the recipe for a row of settings/images.py and its folder of kind/."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.archive import facts as archive
from tasks.engines.files import digests, modes, trees
from tasks.engines.go import cgo, proxy
from tasks.engines.go import modules as go_modules
from tasks.engines.go import sources as go_sources
from tasks.images import base, building, machine, runtime
from tasks.images import programs as sources
from tasks.images.recipe import Definition, Recipe, digest, put_folder, tree
from tasks.problems import Problem
from tasks.settings import images, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tasks.lack import Lack
    from tasks.settings.artifacts import GoArtifact
    from tasks.settings.images import ArchivePart, ModuleFiles, NodeImage, Programs
    from tasks.settings.parameters.model import Parameters

_SCRIPT_MARK = b"#!"
_SHORT = 12
_DIGEST = re.compile("[0-9a-f]{64}")
# Stands for programs whose source is not available, so that the image lacks them.
_ABSENT = "not to be had"


def lack(name: str) -> Lack:
    """Return what differs between the live image and the one that its inputs make.

    Args:
        name: Name of a node image.
    """
    return building.lack_of(recipe(images.named(name), parameters.current()))


def build(name: str) -> None:
    """Build a node image from a fresh context.

    Args:
        name: Name of a node image.

    Raises:
        Problem: A program does not compile, the parent is missing, or a step of the Dockerfile fails.
    """
    current = parameters.current()
    image = images.named(name)
    if image.driver:
        machine.require_driver(current)
    waiting = unresolved(image, current)
    for artifact in waiting:
        go_sources.resolve(artifact, current)
    # Only now can such an image be compared with what it would be made of.
    if not waiting or building.lack_of(recipe(image, current)):
        building.build(recipe(image, current))


def recipe(image: NodeImage, current: Parameters) -> Recipe:
    """Return the recipe for an image; this compiles nothing, and its digest is computed on demand.

    Args:
        image: A node image.
        current: The parameters of the run.
    """
    parent = _parent(image, current)
    return Recipe(
        tag=images.tag(image.name, current),
        parent=images.tag(parent, current),
        contents=tuple(_contents(image, current)),
        define=lambda: _Inputs(image, parent, current).definition(),
        arguments=_arguments(image, current),
    )


def unresolved(image: NodeImage, current: Parameters) -> list[GoArtifact]:
    """Return the artifacts without which an image cannot be made, and whose modules are not resolved yet.

    Args:
        image: A node image.
        current: The parameters of the run.
    """
    needed = [use.artifact for use in programs(image, current) if not use.optional]
    compiled = [one for one in needed if _is_in_words(sources.definition(one, current))]
    return [*compiled, *(use.artifact for use in image.files if not go_sources.is_resolved(use.artifact, current))]


def programs(image: NodeImage, current: Parameters) -> list[Programs]:
    """Return the programs that an image takes with these parameters."""
    return [use for use in image.programs if use.is_wanted(current)]


def has_programs(use: Programs, current: Parameters) -> bool:
    """Return whether programs of an image are made, or known not to be had, so that it waits for nothing."""
    if is_to_be_asked_for(use, current):
        return False
    if _made_of(use, current) == _ABSENT:
        return True
    if use.artifact.compiler:
        return go_modules.is_built(use.artifact, current, base.identity(current))
    return sources.is_there(use.artifact, use.names, current)


def is_to_be_asked_for(use: Programs, current: Parameters) -> bool:
    """Return whether the module proxy has to be asked for programs without which an image can be made."""
    return use.optional and proxy.known(use.artifact, current, base.linked(use.artifact, current)) is None


def fetch_source(use: Programs, current: Parameters) -> None:
    """Fetch what programs of an image are compiled from; those of a release are compiled already.

    Raises:
        Problem: A module cannot be fetched, or its checksum is not the known one.
    """
    if not _refusal(use, current):
        sources.fetch(use.artifact, use.names, current)


def ensure_programs(use: Programs, current: Parameters) -> Path | None:
    """Make programs of an image unless they are made, and return their folder; None if they are not to be had.

    Raises:
        Problem: They do not compile, or what they are compiled from cannot be fetched.
    """
    if _refusal(use, current):
        return None
    return _compile(use, current) if use.artifact.compiler else sources.folder(use.artifact, use.names, current)


def archive_part(image: NodeImage, current: Parameters) -> ArchivePart | None:
    """Return the part of the controller's archive that an image takes with these parameters, if any."""
    part = image.archive
    return part if part and part.hardware in current.controller_hardware else None


def _contents(image: NodeImage, current: Parameters) -> Iterator[Callable[[Path], None]]:
    """Yield the functions that put the parts of an image into the build context."""
    yield partial(put_folder, paths.KIND / image.name, ".")
    for folder in image.shared:
        yield partial(put_folder, paths.KIND / folder, folder)
    for files in image.files:
        yield partial(_put_module_files, files, current)
    for use in programs(image, current):
        yield partial(_put_programs, use, current)
    if image.driver:
        yield partial(_put_driver, machine.driver(current))
    if part := archive_part(image, current):
        yield partial(_put_archive_part, image, part)


@dataclass(frozen=True)
class _Inputs:
    """What an image is made of, with the name of its parent in the table."""

    image: NodeImage
    parent: str
    current: Parameters

    def definition(self) -> Definition:
        """Return the inputs as a digest and in words; no engine is asked, so that every engine has the same."""
        parts = self._parts()
        return Definition(digest([_as_json(parts)]), self._named(parts))

    def _parts(self) -> dict[str, Any]:
        image, current = self.image, self.current
        part = archive_part(image, current)
        return {
            "files": {str(source): tree(paths.KIND / source) for source in (image.name, *image.shared)},
            "programs": [[_made_of(use, current), use.names, use.folder] for use in programs(image, current)],
            "modules": [[go_modules.definition(use.artifact, current), use.path, use.folder] for use in image.files],
            "arguments": {"BASE_IMAGE": images.tag(self.parent, current), **_arguments(image, current)},
            **({"driver": digests.sha256(machine.driver(current), current.cache_dir)} if image.driver else {}),
            **({"archive": trees.digest(_archive_folder(part))} if part else {}),
            "parent": _identity(self.parent, current),
            **({"copied": {name: _identity(name, current) for name in image.copied.values()}} if image.copied else {}),
        }

    def _named(self, parts: dict[str, Any]) -> dict[str, str]:
        """Return the parts in words that a user knows, so that the next plan can show what changed."""
        image, part = self.image, archive_part(self.image, self.current)
        uses = zip(programs(image, self.current), parts["programs"], strict=True)
        return {
            **parts["arguments"],
            **{
                f"kind/{folder}/{name}": _short(found)
                for folder, found_in in parts["files"].items()
                for name, found in found_in.items()
            },
            **{
                f"programs of {use.artifact.name}": what if _is_in_words(what) else _short(what)
                for use, (what, *_) in uses
            },
            **{
                f"files of {use.artifact.name}": what if _is_in_words(what) else _short(what)
                for use, (what, *_) in zip(image.files, parts["modules"], strict=True)
            },
            **({"driver": parts["driver"][:_SHORT]} if image.driver else {}),
            **({f"archive's {part.source}": parts["archive"][:_SHORT]} if part else {}),
            **{f"image {name}": identity[:_SHORT] for name, identity in parts.get("copied", {}).items()},
            "parent image": parts["parent"][:_SHORT] if _is_digest(parts["parent"]) else parts["parent"],
        }


def _identity(parent: str, current: Parameters) -> str:
    """Return the digest of another image's recipe, or the name of a parent that is not made here.

    Ids differ between engines, and between the image stores of one engine.
    """
    if parent == images.SCRATCH:
        return parent
    return base.identity(current) if parent == images.BASE else recipe(images.named(parent), current).made_of.digest


def _is_digest(identity: str) -> bool:
    return _DIGEST.fullmatch(identity) is not None


def _as_json(part: Any) -> bytes:
    return json.dumps(part, sort_keys=True).encode()


def _short(part: Any) -> str:
    return digest([_as_json(part)])[:_SHORT]


def _is_in_words(made_of: str) -> bool:
    return made_of == _ABSENT or made_of.endswith(go_modules.UNRESOLVED)


def _made_of(use: Programs, current: Parameters) -> str:
    # Nobody is asked only to know what an image is made of; the proxy is, by the task that fetches the source.
    refused = use.optional and proxy.last(use.artifact, current, base.linked(use.artifact, current))
    return _ABSENT if refused else sources.definition(use.artifact, current)


def _refusal(use: Programs, current: Parameters) -> str:
    """Return why an image is made without these programs, or an empty string."""
    artifact = use.artifact
    return proxy.refusal(artifact, current, base.linked(artifact, current)) if use.optional else ""


def _parent(image: NodeImage, current: Parameters) -> str:
    return images.parent_name(image, runtime.chosen(current)) if image.parent == images.RUNTIME else image.parent


def _arguments(image: NodeImage, current: Parameters) -> dict[str, str]:
    part = archive_part(image, current)
    names = (*image.arguments, *part.arguments) if part else image.arguments
    values = {name: str(getattr(current, name.lower())) for name in names}
    facts = {name: machine.FACTS[name]() for name in image.facts}
    copied = {argument: images.tag(name, current) for argument, name in image.copied.items()}
    return {**({"HARDWARE": part.hardware} if part else {}), **values, **facts, **copied}


def _archive_folder(part: ArchivePart) -> Path:
    """Return the folder of a part of the unpacked archive.

    Raises:
        Problem: It is not there; an archive made without its submodule lacks it.
    """
    folder = paths.source() / part.source
    if not (folder / "lib").is_dir():
        raise Problem(
            f"CONTROLLER_HARDWARE: {part.hardware} needs controller/{part.source}/lib, which the archive lacks",
            hint='README.md, "The controller archive"',
        )
    return folder


def _put_driver(file: Path, context: Path) -> None:
    (context / "driver").mkdir()
    modes.link(file, context / "driver" / file.name)


def _put_archive_part(image: NodeImage, part: ArchivePart, context: Path) -> None:
    shutil.copytree(_archive_folder(part), context / part.folder)
    archive.say_what_drivers_lack(image.name)


def _put_module_files(files: ModuleFiles, current: Parameters, context: Path) -> None:
    """Copy files of a module and set their modes: the cache is read-only, and module archives lack execute bits."""
    source = go_modules.module_folder(files.artifact, files.artifact.module, current) / files.path
    for path in sorted(source.rglob("*")):
        target = context / files.folder / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            target.write_bytes(content)
            target.chmod(modes.PROGRAM if content.startswith(_SCRIPT_MARK) else modes.FILE)


def _put_programs(use: Programs, current: Parameters, context: Path) -> None:
    folder = context / use.folder
    folder.mkdir(exist_ok=True)
    made = ensure_programs(use, current)
    if made is None:
        progress.line(f"Made without {use.artifact.name}: {_refusal(use, current)}")
        return
    for name in use.names:
        modes.link(made / name, folder / name)


def _compile(use: Programs, current: Parameters) -> Path:
    """Compile programs that link C libraries, in a container on the base image, and return their folder.

    Raises:
        Problem: The module proxy does not have its source, or it does not compile.
    """
    artifact, linked = use.artifact, base.identity(current)
    if refused := proxy.refusal(artifact, current, linked):
        raise Problem(f"{artifact.name} cannot be built: {refused}", hint=use.instead)
    return go_modules.build_with_c(artifact, current, linked, partial(_compile_with_c, artifact, current)) / "bin"


def _compile_with_c(artifact: GoArtifact, current: Parameters, output: Path) -> None:
    compiler = building.ensure_image(recipe(images.named(artifact.compiler), current))
    source = cgo.CSource(go_sources.folder(artifact, current), artifact.programs)
    cgo.build(source, compiler, output, current)
