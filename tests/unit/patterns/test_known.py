"""tasks.patterns.known and index: the patterns of a checkout, never stale, and what is said of the wrong ones."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import atomic
from tasks.patterns import index, known, reading
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

OWN = """\
namespace: mine
dataflow: df-{name}
functions:
  - {{key: send, image: cpufunc_calcapp{place}}}
  - {{key: rcv, image: cpufunc_calcapp{place}}}
verify: {{}}
"""

pytestmark = pytest.mark.usefixtures("tree")


def add(name: str, place: str = "", **changes: str) -> Path:
    """Write an own pattern and forget what was known."""
    text = OWN.format(name=name, place=place)
    for before, after in changes.items():
        text = text.replace(f"{before}:", f"{after}:")
    return write(name, text)


def write(name: str, text: str) -> Path:
    file = paths.OWN_PATTERNS / name / "pattern.yaml"
    atomic.write(file, text)
    known.forget()
    return file


def test_own_patterns_come_after_the_projects_in_the_order_of_their_names() -> None:
    before = [pattern.name for pattern in known.patterns()]
    add("zebra")
    add("ape")
    assert [pattern.name for pattern in known.patterns()] == [*before, "ape", "zebra"]
    assert known.named("ape").is_own
    assert known.named("ape").file == "work/patterns/ape/pattern.yaml"
    assert "mine" in known.namespaces()


def test_a_pattern_asks_for_the_nodes_that_it_names() -> None:
    add("near", place=", node: second")
    add("there", place=", node: gpu-node-7")
    add("free")
    workers = ("kind-worker", "kind-worker2")
    assert known.named("near").nodes(workers) == {"send": "kind-worker2", "rcv": "kind-worker2"}
    assert known.named("there").nodes(workers) == {"send": "gpu-node-7", "rcv": "gpu-node-7"}
    assert not known.named("free").is_placed


def test_a_wrong_one_is_said_where_it_is_asked_for_and_harms_no_other() -> None:
    before = known.patterns()
    add("good")
    add("bad", namespace="namespac")
    assert [pattern.name for pattern in known.patterns()] == [*(pattern.name for pattern in before), "good"]
    (wrong,) = known.table().wrong
    assert wrong.name == "bad"
    with pytest.raises(Problem, match=r"^work/patterns/bad/pattern\.yaml:1: namespac: .*did you mean namespace\?"):
        known.named("bad")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("p1c1", OWN.format(name="x", place=""), "the name p1c1 is that of manifest/patterns/p1c1/pattern.yaml"),
        (
            "x",
            OWN.format(name="calcapp", place=""),
            "dataflow: 'df-calcapp' is that of manifest/patterns/calcapp-",
        ),
        ("p1c1-multi-worker", OWN.format(name="x", place=""), "the name p1c1-multi-worker is that of"),
        ("Up_per", OWN.format(name="x", place=""), "'Up_per' cannot be the name of tasks"),
    ],
)
def test_what_clashes_with_the_projects_is_wrong_and_leaves_them_as_they_are(name: str, text: str, reason: str) -> None:
    before = known.patterns()
    write(name, text)
    assert known.patterns() == before
    (wrong,) = known.table().wrong
    assert len(wrong.complaints) == 1
    assert reason in wrong.complaints[0]
    assert known.named("p1c1").is_own is False


def test_a_folder_without_its_file_is_wrong_and_other_files_are_nothing() -> None:
    (paths.OWN_PATTERNS / "empty").mkdir(parents=True)
    (paths.OWN_PATTERNS / ".git").mkdir()
    (paths.OWN_PATTERNS / "notes.txt").touch()
    known.forget()
    assert [wrong.complaints for wrong in known.table().wrong] == [
        ("work/patterns/empty/pattern.yaml: No such file or directory",)
    ]


def test_what_is_kept_is_read_again_only_where_a_byte_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    read = reading.read

    def counted(text: bytes, path: str) -> reading.Reading:
        reads.append(path)
        return read(text, path)

    monkeypatch.setattr(reading, "read", counted)
    file = add("mine")
    assert known.named("mine").namespace == "mine"
    assert "work/patterns/mine/pattern.yaml" in reads

    reads.clear()
    known.forget()
    assert known.named("mine").namespace == "mine"
    assert reads == []

    # The same size, and the same times.
    status = file.stat()
    file.write_text(file.read_text(encoding="utf-8").replace("namespace: mine", "namespace: your"), encoding="utf-8")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    known.forget()
    assert known.named("mine").namespace == "your"


@pytest.mark.parametrize("content", ["", "{", '{"digest": ""}', "[]"])
def test_a_kept_file_that_is_damaged_is_made_anew(content: str) -> None:
    known.forget()
    before = known.patterns()
    paths.PATTERN_INDEX.write_text(content, encoding="utf-8")
    known.forget()
    assert known.patterns() == before
    assert json.loads(paths.PATTERN_INDEX.read_text(encoding="utf-8"))["entries"]


def test_where_nothing_can_be_kept_patterns_are_read_each_time(tmp_path: Path) -> None:
    obstacle = tmp_path / "file"
    obstacle.touch()
    found = index.sources(paths.PATTERNS, "manifest/patterns", is_own=False)
    assert len(index.entries(found, obstacle / "patterns.json")) == len(found) > 0
