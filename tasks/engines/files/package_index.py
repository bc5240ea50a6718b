"""The index of an apt repository (`Packages`): which versions of a package it offers."""

from __future__ import annotations

import gzip
import re
from bisect import bisect
from email import message_from_string
from typing import TYPE_CHECKING

from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

# What a repository may call its index; all have the plain one, and a large repository's is much larger than the other.
NAMES = ("Packages.gz", "Packages")
_GZIP = b"\x1f\x8b"


def versions(index: bytes, package: str) -> list[str]:
    """Return the versions of a package, from the oldest to the newest.

    Args:
        index: Content of an index, plain or compressed.
        package: Name of the package.

    Raises:
        Problem: It is no index.
    """
    found = (message_from_string(stanza) for stanza in _stanzas(_plain(index), package))
    return sorted({stanza["Version"] for stanza in found if stanza["Version"]}, key=_order)


def nearest(version: str, there: Sequence[str], count: int) -> list[str]:
    """Return the versions closest to one that is not there.

    Args:
        version: The version that is not there.
        there: The versions that are there, from the oldest to the newest.
        count: The number of versions to return.
    """
    place = bisect([_order(one) for one in there], _order(version))
    first = max(0, min(place - count // 2, len(there) - count))
    return list(there[first : first + count])


def _plain(index: bytes) -> str:
    # A server that declares the compression as an encoding has it undone already.
    try:
        content = gzip.decompress(index) if index.startswith(_GZIP) else index
    except (OSError, EOFError) as error:
        raise Problem(f"a damaged index ({error})") from error
    text = content.decode("utf-8", "replace")
    if text.strip() and not re.search(r"^Package:", text, re.MULTILINE):
        raise Problem("no index of packages")
    return text


def _stanzas(text: str, package: str) -> list[str]:
    """Return the stanzas of a package; the others, which may be thousands, are not parsed."""
    name = re.compile(rf"^Package: *{re.escape(package)} *$", re.MULTILINE)
    return [stanza for stanza in re.split(r"\n\s*\n", text) if name.search(stanza)]


def _order(version: str) -> tuple[int, list[str | int]]:
    """Return what versions are sorted by: the epoch, then numbers as numbers."""
    epoch, colon, rest = version.partition(":")
    words = re.split(r"(\d+)", rest if colon else version)
    return int(epoch) if colon else 0, [int(word) if word.isdecimal() else word for word in words]
