"""What `review` finds, kept as JSON in build/: reading and checking the files of twenty patterns takes long.

It is never stale: it counts only for the very bytes that it was made of, and for the code that made it.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.patterns import known, places
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.patterns.model import Pattern

    # The digest of what was reviewed, and what was found, by the name of a pattern.
    Kept = dict[str, tuple[str, list[str]]]

# What decides on a review, besides all modules of this flat.
_CODE = ("../similar.py", "../archive/facts.py", "../settings/controller.py")


def complaints(pattern: Pattern) -> list[str]:
    """Return what is wrong with the files of a pattern as they are now, one line each.

    Args:
        pattern: The pattern.
    """
    try:
        digest = _digest(pattern)
    except OSError:
        return _review(pattern)  # which says what cannot be read
    kept = _kept(paths.PATTERN_REVIEWS)
    made_of, found = kept.get(pattern.name, ("", []))
    if made_of != digest:
        found = _review(pattern)
        kept[pattern.name] = digest, found
        _keep(paths.PATTERN_REVIEWS, dict(kept))
    return [*found]


def _review(pattern: Pattern) -> list[str]:
    # Its forms are heavy, and needed only for files that have changed.
    from tasks.patterns import review

    return review.complaints(pattern)


def _digest(pattern: Pattern) -> str:
    """Return a digest of what a pattern's review is made of; a user's must not clash with any other one either.

    Raises:
        OSError: A file cannot be read.
    """
    looked_at = [pattern, *(known.patterns() if pattern.is_own else ())]
    parts = [[repr(each), places.names_of_files(each), *_contents(each)] for each in looked_at]
    return hashlib.sha256(json.dumps([_code(), parts]).encode()).hexdigest()


def _contents(pattern: Pattern) -> Iterator[str]:
    for file, path in places.files(pattern).items():
        status = path.stat()
        yield f"{file} {_content(path, (status.st_mtime_ns, status.st_size, status.st_ino))}"


@cache
def _content(path: Path, _stamp: tuple[int, ...]) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _code() -> str:
    here = Path(__file__).parent
    modules = [*sorted(here.glob("*.py")), *(here / name for name in _CODE)]
    return hashlib.sha256(b"\0".join(module.read_bytes() for module in modules)).hexdigest()


@cache
def _kept(file: Path) -> Kept:
    try:
        return {
            name: (str(digest), [*map(str, found)]) for name, (digest, found) in json.loads(file.read_bytes()).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # nothing is kept yet, or the file was cut short


def _keep(file: Path, reviews: Kept) -> None:
    try:
        atomic.write(file, json.dumps(reviews))
    except Problem:
        return  # a checkout that cannot be written: it only takes longer
