"""What all pattern.yaml files say, kept as JSON in build/: reading and checking fifty of them takes half a second.

It is never stale: it counts only for the very bytes that it was made of, and for the code that made it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FILE = "pattern.yaml"
# Beside the kept file, for editors.
SCHEMA = "pattern.schema.json"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_CODE = ("form.py", "reading.py", "marks.py", "index.py", "../similar.py")


@dataclass(frozen=True)
class Source:
    """A folder that is to hold a pattern.

    Attributes:
        name: Its name.
        file: Its pattern.yaml, as messages name it.
        is_own: Whether it is the user's.
        text: The content of the pattern.yaml; None if it cannot be read.
        refusal: Why it cannot be read.
    """

    name: str
    file: str
    is_own: bool
    text: bytes | None
    refusal: str = ""


@dataclass(frozen=True)
class Entry:
    """What a pattern.yaml says.

    Attributes:
        name: Name of its folder.
        file: The file, as messages name it.
        is_own: Whether it is the user's.
        spec: Its fields; empty if it is not valid.
        complaints: What is wrong with it, one line each.
    """

    name: str
    file: str
    is_own: bool
    spec: Mapping[str, Any]
    complaints: tuple[str, ...]


def sources(folder: Path, shown: str, *, is_own: bool) -> list[Source]:
    """Return the patterns in a folder, by name; a folder that is not there holds none.

    Args:
        folder: The folder of folders.
        shown: The folder, as messages name it.
        is_own: Whether they are the user's.
    """
    try:
        inner = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except FileNotFoundError:
        return []
    return [_source(each, shown, is_own=is_own) for each in inner]


def _source(folder: Path, shown: str, *, is_own: bool) -> Source:
    file = f"{shown}/{folder.name}/{FILE}"
    try:
        return Source(folder.name, file, is_own, (folder / FILE).read_bytes())
    except OSError as error:
        return Source(folder.name, file, is_own, None, str(error.strerror))


def entries(found: Iterable[Source], kept: Path) -> list[Entry]:
    """Return what patterns say: from the file that is kept, if that was made of the same bytes.

    Args:
        found: The patterns.
        kept: The file, which is written anew where it was made of others; where it cannot be, they are read each time.
    """
    all_of_them = list(found)
    digest = _digest(all_of_them)
    known = _kept(kept, digest)
    if known is None:
        known = [*_read(all_of_them)]
        _keep(kept, digest, known)
    return known


def _digest(found: Iterable[Source]) -> str:
    here = Path(__file__).parent
    made_by = [(here / name).read_bytes().decode() for name in _CODE]
    parts = [[each.name, each.file, each.is_own, (each.text or b"").hex(), each.refusal] for each in found]
    return hashlib.sha256(json.dumps([made_by, parts]).encode()).hexdigest()


def _kept(path: Path, digest: str) -> list[Entry] | None:
    try:
        content = json.loads(path.read_bytes())
        if content["digest"] != digest:
            return None
        return [Entry(**{**each, "complaints": tuple(each["complaints"])}) for each in content["entries"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_name(text: str) -> bool:
    """Return whether a folder of this name can be a pattern."""
    return bool(_NAME.fullmatch(text))


def keep_schema(path: Path) -> None:
    """Write the JSON Schema of a pattern.yaml, for editors.

    Args:
        path: The file.

    Raises:
        Problem: It cannot be written.
    """
    from tasks.engines.files import atomic
    from tasks.patterns import form

    atomic.write(path, json.dumps(form.schema(), indent=2))


def _keep(path: Path, digest: str, found: Iterable[Entry]) -> None:
    from tasks.engines.files import atomic
    from tasks.problems import Problem

    content = {"digest": digest, "entries": [vars(each) for each in found]}
    try:
        keep_schema(path.with_name(SCHEMA))
        atomic.write(path, json.dumps(content))
    except Problem:
        return  # a checkout that cannot be written: it only takes longer


def _read(found: Iterable[Source]) -> Iterator[Entry]:
    from tasks.patterns import reading

    for each in found:
        complaints = [*_nameless(each)]
        read = reading.read(each.text, each.file) if each.text is not None and not complaints else None
        said = read.complaints if read else ()
        yield Entry(each.name, each.file, each.is_own, read.spec if read else {}, (*complaints, *said))


def _nameless(source: Source) -> Iterator[str]:
    if not is_name(source.name):
        yield f"{source.file}: {source.name!r} cannot be the name of tasks; use lower-case letters, digits and hyphens"
    if source.text is None:
        yield f"{source.file}: {source.refusal}"
