"""What a Dockerfile of the controller's archive copies from the source, and how that gets into a build context."""

from __future__ import annotations

import os
import posixpath
import shutil
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.archive import dockerfiles
from tasks.archive import facts as archive
from tasks.archive import source as archive_source
from tasks.engines.files import modes
from tasks.engines.files.lock import part_of
from tasks.engines.go import cgo, modules
from tasks.images import compile_errors, compilers, virtual_functions
from tasks.images.recipe import files
from tasks.problems import Problem
from tasks.settings import controller, paths
from tasks.settings.artifacts import Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tasks.archive.dockerfiles import Copied, GoProgram
    from tasks.settings.controller import SourceImage
    from tasks.settings.parameters.model import Parameters

# Sources of COPY that this tool provides: compiled programs, and the CAs that this machine trusts.
_PROGRAMS = "bin/"
CERTIFICATES = "ca-certificates.crt"
# What no image is made of, although it lies beside its source.
_GO_TESTS = "_test.go"
# Parts that are not at the path from which Dockerfiles copy them, with their place in the archive.
_MOVED = {
    controller.DRIVERS: controller.DRIVERS_SOURCE,
    controller.FPGA_DATABASE: controller.FPGA_DATABASE_SOURCE,
}


def dockerfile(image: SourceImage) -> Path:
    """Return the path of an image's Dockerfile.

    Raises:
        Problem: It is not there.
    """
    file = paths.source() / image.folder / "Dockerfile"
    if not file.is_file():
        raise Problem(f"image {image.name}: {controller.TOP}/{image.folder}/Dockerfile is missing")
    return file


def text(image: SourceImage) -> str:
    """Return the text of an image's Dockerfile."""
    return dockerfile(image).read_text(encoding="utf-8")


def go_program(image: SourceImage) -> GoProgram | None:
    """Return the Go program that an image's Dockerfile compiles, or None if it has none or is built as it is.

    Raises:
        Problem: The Dockerfile neither compiles a Go program nor lets its base be chosen.
    """
    if dockerfiles.lets_base_be_chosen(text(image)):
        return None
    program = dockerfiles.go_program(text(image))
    if program is None and not image.packages:
        raise Problem(
            f"image {image.name}: {controller.TOP}/{image.folder}/Dockerfile compiles no Go program (go build -o) and "
            "has no ARG BASE_IMAGE"
        )
    return program


def copied(image: SourceImage) -> list[str]:
    """Return the paths that a Dockerfile copies from its context, as it spells them."""
    found = [each for stage in dockerfiles.stages(text(image)) for each in dockerfiles.copies(stage)]
    return [source for each in found if not each.stage for source in each.sources]


def compiled_programs(image: SourceImage) -> list[str]:
    """Return the programs that are compiled into the context."""
    return [source.removeprefix(_PROGRAMS) for source in copied(image) if source.startswith(_PROGRAMS)]


def scope(image: SourceImage) -> Iterator[Path]:
    """Yield the source files that an image is made of."""
    named = [source for source in copied(image) if source != CERTIFICATES]
    tops = [path for source in named for path in _found(image, source)] if not compiled_programs(image) else []
    for top in tops or [paths.source() / image.context]:
        yield from (file for file in files(top) if not file.name.endswith(_GO_TESTS))


def _found(image: SourceImage, source: str) -> list[Path]:
    """Return the files and folders that a COPY instruction names.

    Raises:
        Problem: There is none.
    """
    moved = _MOVED.get(posixpath.basename(source.rstrip("/")))
    if moved and (paths.source() / moved).is_dir():
        return [paths.source() / moved]
    found = sorted((paths.source() / image.context).glob(source.rstrip("/")))
    if not found:
        raise Problem(f"image {image.name}: its Dockerfile copies {source}, which is not in {image.context}")
    return found


def put(image: SourceImage, current: Parameters, context: Path) -> None:
    """Fill a build context with what the Dockerfile copies, and nothing else from the source.

    Raises:
        Problem: A program does not compile.
    """
    if not dockerfiles.lets_base_be_chosen(text(image)):
        _put_on_base(image, current, context)
        return
    source = paths.source() / image.context
    for file in scope(image):
        modes.copy(file, context / file.relative_to(source))
    virtual_functions.rename(context, virtual_functions.resource(image, current))
    with compile_errors.located(lambda path: archive_source.edited(source / path)):
        for name in compiled_programs(image):
            modules.build_tree(source, ".", context / _PROGRAMS / name, current)
    if CERTIFICATES in copied(image):
        put_certificates(context)
    shutil.copyfile(dockerfile(image), context / "Dockerfile")


def _put_on_base(image: SourceImage, current: Parameters, context: Path) -> None:
    """Fill the build context of a Dockerfile with a fixed base: its last stage is moved to this tool's base."""
    program = go_program(image)
    if program:
        _compile(image, program, current, context)
    _copy_all(image, dockerfiles.runtime_copies(text(image), program), context, keep_paths=True)
    (context / "Dockerfile").write_text(dockerfiles.on_base(text(image), program), encoding="utf-8")


def _compile(image: SourceImage, program: GoProgram, current: Parameters, context: Path) -> None:
    """Assemble a program's source as its Dockerfile does, and compile it into the context."""
    workspace = part_of(context.with_name(f"{image.name}.source"))
    made = _copy_all(image, program.copies, workspace)
    virtual_functions.rename(workspace, virtual_functions.resource(image, current))
    module = workspace / program.module.lstrip("/")
    with compile_errors.located(lambda path: archive_source.edited(made.get(module / path))):
        if program.with_c:
            archive.say_what_drivers_lack(image.name)
            made_of = cgo.CSource(module, (Program(program.package, program.name),))
            compilers.compile_with_c(made_of, context, current)
        else:
            modules.build_tree(module, program.package, context / _PROGRAMS / program.name, current)
    shutil.rmtree(workspace)


def copied_as(image: SourceImage, path: str) -> str:
    """Return the file that the user edits for one that a step of a Dockerfile names; empty if it copies none such.

    Args:
        image: The image.
        path: Absolute path in the image.
    """
    top = paths.source() / image.context
    found = [file for file in scope(image) if path.endswith(f"/{file.relative_to(top).as_posix()}")]
    return archive_source.edited(found[0]) if found else ""


def _copy_all(
    image: SourceImage, copied: Iterable[Copied], target: Path, *, keep_paths: bool = False
) -> dict[Path, Path]:
    """Carry out COPY instructions, into their targets or, with `keep_paths`, under the paths of their sources.

    Returns:
        The source of each copy.
    """
    made: dict[Path, Path] = {}
    for instruction in copied:
        for source in instruction.sources:
            place = target / (source if keep_paths else instruction.target).lstrip("/")
            for found in _found(image, source):
                inside = found.is_dir() or keep_paths or not instruction.target.endswith("/")
                for file in files(found):
                    copy = (place if inside else place / found.name) / file.relative_to(found)
                    modes.copy(file, copy)
                    made[copy] = file
    return made


def put_certificates(context: Path) -> None:
    """Put the CAs that this machine trusts into a build context, unless it holds a file of that name."""
    file = context / CERTIFICATES
    if not file.exists():
        modes.copy(_trusted_certificates(), file)


def _trusted_certificates() -> Path:
    """Return the file of the CAs that this machine trusts: a company's proxy may present certificates of its own CA."""
    chosen = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
    fallback = Path("/etc/ssl/certs/ca-certificates.crt")
    return Path(chosen) if chosen else fallback
