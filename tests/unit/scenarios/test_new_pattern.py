"""tasks.scenarios.new_pattern and README's example: a new pattern shares nothing with any other, and is complete."""

from __future__ import annotations

import json
import os
from itertools import chain
from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.engines.files import atomic
from tasks.engines.kube import manifests
from tasks.patterns import form, index, known, places, review
from tasks.problems import Problem
from tasks.scenarios import new_pattern, renaming
from tasks.scenarios.files import Scenario
from tasks.settings import paths
from tests import own_pattern

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines

REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"
SOURCES = [root for root in (paths.SAMPLE, REAL) if root.is_dir()]
OURS = [pattern.name for pattern in known.patterns() if pattern.name == pattern.home]
WORKERS = ("one", "two")


@pytest.fixture(autouse=True)
def source(checkout: Path) -> Path:
    """The source of the sample controller, as if it had been unpacked."""
    known.forget()
    paths.BUILD.mkdir()
    paths.CONTROLLER.symlink_to(SOURCES[0])
    return checkout


def scenario(name: str) -> Scenario:
    pattern = known.named(name)
    return Scenario(pattern, lambda: WORKERS, lambda names: {each: f"registry/{each}:1" for each in names})


def objects(name: str) -> list[manifests.Object]:
    wanted = scenario(name)
    return [*wanted.configuration(), *chain.from_iterable(wanted.resources().values()), wanted.data_flow()]


def given(name: str) -> set[renaming.Given]:
    pattern = known.named(name)
    folder = places.folder(pattern)
    return renaming.given((folder / file).read_text(encoding="utf-8") for file in places.names_of_files(pattern))


def dangling(name: str) -> set[str]:
    """Return what the objects of a pattern refer to but do not hold."""
    items = objects(name)
    held = {(item["kind"], manifests.name_of(item)) for item in items}
    functions = {item["spec"]["functionName"] for item in items if item["kind"] == "FunctionType"}
    wanted = set()
    for item in items:
        spec = item.get("spec", {})
        if item["kind"] == "FunctionType":
            wanted.add(("ConfigMap", spec["functionInfoCMRef"]["name"]))
        if item["kind"] == "DataFlow":
            wanted.add(("FunctionChain", spec["functionChainRef"]["name"]))
        if "deployableItems" in item.get("data", {}):
            wanted |= {("ConfigMap", each["configName"]) for each in json.loads(item["data"]["deployableItems"])}
    (links,) = [item["spec"]["functions"].values() for item in items if item["kind"] == "FunctionChain"]
    missing = {link["functionName"] for link in links} - functions
    return {name for _, name in wanted - held} | missing


@pytest.mark.parametrize("controller", SOURCES, ids=lambda root: root.name)
@pytest.mark.parametrize("name", OURS)
def test_a_copy_of_each_pattern_is_complete_and_shares_nothing_with_it(controller: Path, name: str) -> None:
    paths.CONTROLLER.unlink()
    paths.CONTROLLER.symlink_to(controller)
    before = {each.name for each in known.patterns()}
    new_pattern.make(name, "mine")
    copy, original = known.named("mine"), known.named(name)
    assert {each.name for each in known.patterns()} == before | {"mine", "mine-multi-worker"}
    assert (copy.hops, copy.network, copy.needs, copy.images) == (
        *(original.hops, original.network, original.needs, original.images),
    )
    assert copy.verification == original.verification
    assert not given("mine") & given(name)
    assert len(given("mine")) == len(given(name))
    assert dangling("mine") == dangling(name) == set()
    assert review.complaints(copy) == []
    assert len(objects("mine")) == len(objects(name))
    assert not [text for text in map(str, given("mine")) if "mine" not in text]
    assert scenario("mine-multi-worker").data_flow()["spec"]["userRequirement"] == "user-requirement-mine-multi-worker"


def test_nothing_but_names_differs_from_what_it_was_made_from() -> None:
    new_pattern.make("", "mine")
    first = known.patterns()[0]
    for file in places.FILES:
        before = (places.folder(first) / file).read_bytes().decode()
        after = (paths.OWN_PATTERNS / "mine" / file).read_bytes().decode()
        words = {"calcapp": "mine"}
        assert after != before
        assert len(after.splitlines()) == len(before.splitlines())
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True):
            assert new in (old, *(old.replace(f"{a}-", f"{b}-").replace(f"-{a}", f"-{b}") for a, b in words.items()))
    configuration = (paths.OWN_PATTERNS / "mine" / places.FILES[0]).read_text(encoding="utf-8")
    assert "localhost/cpufunc_calcapp:latest" in configuration
    assert '"/calcapp"' in configuration


def test_its_pattern_yaml_explains_each_field_and_has_editors_check_it() -> None:
    new_pattern.make("calcapp-basic", "mine")
    text = (paths.OWN_PATTERNS / "mine" / "pattern.yaml").read_text(encoding="utf-8")
    first, *lines = text.splitlines()
    assert first == "# yaml-language-server: $schema=../../../build/pattern.schema.json"
    schema = paths.OWN_PATTERNS / "mine" / first.partition("=")[2]
    assert json.loads(schema.read_text(encoding="utf-8")) == form.schema()
    assert "# Name of its DataFlow.\ndataflow: df-mine\n" in text
    assert "\nscenario:" not in text
    for name in form.PatternFile.model_fields:
        assert any(line.startswith((f"{name}:", f"# {name}:")) for line in lines), name
    # What is left out can be put in by removing the sign of a comment.
    filled = "\n".join(
        line.removeprefix("# ") if line.startswith(("# summary:", "# needs:")) else line for line in lines
    )
    assert yaml.safe_load(filled)["needs"] == []


def test_the_schema_is_there_whenever_patterns_have_been_read() -> None:
    schema = paths.PATTERN_INDEX.with_name(index.SCHEMA)
    known.patterns()
    assert json.loads(schema.read_text(encoding="utf-8")) == form.schema()


def test_one_of_the_users_own_is_copied_with_its_comments_and_layout(said: Lines) -> None:
    new_pattern.make("calcapp-basic", "mine")
    folder = paths.OWN_PATTERNS / "mine"
    for file in ("pattern.yaml", "functionchain.yaml"):
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(f"{text}\n# mine-plus adds\r\n", encoding="utf-8", newline="")
    (folder / "functionchain.yaml").rename(folder / "my chain.yaml")
    known.forget()
    new_pattern.make("mine-multi-worker", "other")
    own = (paths.OWN_PATTERNS / "other" / "pattern.yaml").read_bytes().decode()
    before = (folder / "pattern.yaml").read_bytes().decode()
    assert own == before.replace("dataflow: df-mine", "dataflow: df-other")
    chain_text = (paths.OWN_PATTERNS / "other" / "my chain.yaml").read_bytes().decode()
    assert chain_text.endswith("\n# mine-plus adds\r\n")
    assert "functionName: other-plus" in chain_text or 'functionName: "other-plus"' in chain_text
    assert dangling("other") == set()
    assert said.kept[-2:] == [
        "work/patterns/other: made from mine; its DataFlow is df-other",
        "It runs as it is: ./doit dataflow:other or ./doit dataflow:other-multi-worker",
    ]


def test_what_has_no_words_in_common_gets_the_new_name_in_front() -> None:
    new_pattern.make("calcapp-basic", "mine")
    folder = paths.OWN_PATTERNS / "mine"
    for file in folder.glob("*.yaml"):
        text = file.read_text(encoding="utf-8").replace("df-mine", "flow").replace("mine-plus", "adder")
        file.write_text(text, encoding="utf-8")
    known.forget()
    new_pattern.make("mine", "other")
    assert known.named("other").dataflow == "other-flow"
    assert {each.name for each in given("other")} >= {"other-adder", "other-mine-minus"}
    assert dangling("other") == set()


@pytest.mark.parametrize(
    ("source_name", "name", "line"),
    [
        ("", "", "new_pattern: has no name"),
        ("", "Mine", "--name Mine: cannot be the name of tasks; use lower-case letters, digits and hyphens"),
        ("", "../mine", "--name ../mine: cannot be the name of tasks"),
        ("", ".", "--name .: cannot be the name of tasks"),
        ("", "p1c1", "--name p1c1: the name p1c1 is that of manifest/patterns/p1c1/pattern.yaml"),
        ("", "p1c1-multi-worker", "--name p1c1-multi-worker: the name p1c1-multi-worker is that of"),
        ("", "there", "--name there: work/patterns/there is there already"),
        ("", "gone", "--name gone: work/patterns/gone is there already"),
        ("calcap-basic", "mine", "--from calcap-basic: no such pattern; did you mean calcapp-basic?"),
        ("zzz", "mine", "--from zzz: no such pattern; there are calcapp-basic, "),
        ("bad", "mine", "work/patterns/bad/pattern.yaml:1: "),
        ("calcapp-basic", "calcapp", "--name: DataFlow df-calcapp would be that of manifest/patterns/calcapp-basic/"),
        ("calcapp-basic", "a" * 40, "--name: too long by "),
    ],
)
def test_what_cannot_be_made_is_one_line_and_nothing_is_written(source_name: str, name: str, line: str) -> None:
    (paths.OWN_PATTERNS / "there").mkdir(parents=True)
    (paths.OWN_PATTERNS / "gone").symlink_to("nowhere")
    atomic.write(paths.OWN_PATTERNS / "bad" / "pattern.yaml", "namespac: x\n")
    known.forget()
    before = sorted(os.walk(paths.OWN_PATTERNS))
    with pytest.raises(Problem) as refused:
        new_pattern.make(source_name, name)
    assert refused.value.message.startswith(line)
    assert sorted(os.walk(paths.OWN_PATTERNS)) == before


def test_objects_of_another_pattern_are_never_given_the_same_names() -> None:
    new_pattern.make("calcapp-basic", "mine")
    chain_file = paths.OWN_PATTERNS / "mine" / "functiontype.yaml"
    chain_file.write_text(chain_file.read_text(encoding="utf-8").replace("functype-mine-rcv", "functype-b-rcv"))
    known.forget()
    with pytest.raises(
        Problem, match=r"--name: FunctionType cpufunc-calcapp/functype-b-rcv would be in the files of mine"
    ):
        new_pattern.make("calcapp-basic", "b")
    assert not (paths.OWN_PATTERNS / "b").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"a: [", "not YAML: "),
        (b"a: \xff", "is not UTF-8: "),
    ],
)
def test_files_that_cannot_be_read_are_named(content: bytes | None, reason: str) -> None:
    new_pattern.make("calcapp-basic", "mine")
    file = paths.OWN_PATTERNS / "mine" / "functiontype.yaml"
    file.unlink()
    if content is None:
        file.symlink_to("nowhere")
    else:
        file.write_bytes(content)
    known.forget()
    with pytest.raises(Problem, match=rf"^work/patterns/mine/functiontype\.yaml: {reason}"):
        new_pattern.make("mine", "other")
    assert not (paths.OWN_PATTERNS / "other").exists()


def test_a_killed_run_leaves_no_pattern_and_the_next_one_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {pattern.name for pattern in known.patterns()}
    write = atomic.write

    def stopped(path: Path, content: str, **options: int) -> None:
        if path.name == "functionchain.yaml":
            raise KeyboardInterrupt
        write(path, content, **options)

    with monkeypatch.context() as killed:
        killed.setattr(atomic, "write", stopped)
        with pytest.raises(KeyboardInterrupt):
            new_pattern.make("calcapp-basic", "mine")
    known.forget()
    assert {pattern.name for pattern in known.patterns()} == before
    assert known.table().wrong == ()
    assert [folder.name for folder in paths.OWN_PATTERNS.iterdir()] == [".new-mine"]
    (paths.OWN_PATTERNS / ".new-mine" / "left.yaml").touch()
    new_pattern.make("calcapp-basic", "mine")
    assert sorted(file.name for file in (paths.OWN_PATTERNS / "mine").iterdir()) == sorted(
        [*places.FILES, "pattern.yaml"]
    )
    assert not (paths.OWN_PATTERNS / ".new-mine").exists()


def test_readmes_example_is_a_valid_pattern_of_three_functions() -> None:
    new_pattern.make("calcapp-basic", own_pattern.NAME)
    own_pattern.edit(paths.OWN_PATTERNS)
    known.forget()
    assert known.table().wrong == ()
    pattern = known.named(own_pattern.NAME)
    assert review.complaints(pattern) == []
    assert [hop.key for hop in pattern.hops] == ["send", "plus", "rcv"]
    assert pattern.verification.values is not None
    assert pattern.verification.values.expected == {"plus": "sum"}
    assert dangling(own_pattern.NAME) == set()
    _, (chain_object,) = scenario(own_pattern.NAME).resources().values()
    links = [(each["from"]["functionKey"], each["to"]["functionKey"]) for each in chain_object["spec"]["connections"]]
    assert links == [("wb-start-of-chain", "send"), ("send", "plus"), ("plus", "rcv"), ("rcv", "wb-end-of-chain")]
    twin = known.named(f"{own_pattern.NAME}-multi-worker")
    assert twin.nodes(WORKERS) == {"send": "one", "plus": "one", "rcv": "two"}
