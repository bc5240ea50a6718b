"""tasks.runner.words: the words after kubectl are kubectl's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.runner import words

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("typed", "own", "passed_on"),
    [
        (["kubectl", "get", "-l", "a=b", ""], ["kubectl"], ["get", "-l", "a=b", ""]),
        (["CLUSTER_NAME=x", "kubectl", "CLUSTER_NAME=y"], ["CLUSTER_NAME=x", "kubectl"], ["CLUSTER_NAME=y"]),
        (["images", "kubectl"], ["images", "kubectl"], []),
        (["CLUSTER_NAME=x"], ["CLUSTER_NAME=x"], []),
        ([], [], []),
    ],
)
def test_only_words_before_kubectl_are_doits(
    typed: Sequence[str], own: Sequence[str], passed_on: Sequence[str]
) -> None:
    assert words.part(typed) == (list(own), list(passed_on))
