"""tasks.engines.files.package_index: the versions of a package in an index, in the order of their numbers."""

from __future__ import annotations

import gzip

import pytest

from tasks.engines.files import package_index
from tasks.problems import Problem

INDEX = b"""\
Package: libcri-o
Version: 3

Package: cri-o
Version: 1.31.10-1.1
Description: longer
 Package: of another

Package: cri-o
Version: 1.31.9-1.1
Architecture: amd64

Package: cri-o
Architecture: arm64
Version: 1.31.9-1.1
"""


@pytest.mark.parametrize("index", [INDEX, gzip.compress(INDEX)], ids=["plain", "compressed"])
def test_each_version_is_there_once_in_the_order_of_its_numbers(index: bytes) -> None:
    assert package_index.versions(index, "cri-o") == ["1.31.9-1.1", "1.31.10-1.1"]
    assert package_index.versions(index, "cri") == []


def test_an_empty_repository_has_an_empty_index() -> None:
    assert package_index.versions(b"", "cri-o") == []


@pytest.mark.parametrize(
    ("content", "said"), [(b"<html>please log in</html>", "no index"), (gzip.compress(INDEX)[:-3], "damaged")]
)
def test_what_is_no_index_is_said(content: bytes, said: str) -> None:
    with pytest.raises(Problem, match=said):
        package_index.versions(content, "cri-o")


@pytest.mark.parametrize(
    ("version", "near"),
    [("1.9.9-1", ["1.10.0-1", "1.10.2-1"]), ("1.10.1-1", ["1.10.0-1", "1.10.2-1"]), ("2:1", ["1.11.0-1", "1:1"])],
)
def test_the_nearest_versions_are_those_around_it(version: str, near: list[str]) -> None:
    there = ["1.10.0-1", "1.10.2-1", "1.11.0-1", "1:1"]
    assert package_index.nearest(version, there, 2) == near
    assert package_index.nearest(version, there[:1], 2) == there[:1]
