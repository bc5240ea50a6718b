"""tasks.scenarios.manual_files: the files that users register by hand."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.archive import facts
from tasks.patterns import known, places
from tasks.scenarios import manual_files
from tasks.scenarios.files import Scenario
from tasks.settings import paths
from tests.unit import own_patterns

if TYPE_CHECKING:
    from pathlib import Path

REFERENCES = {"cpufunc_calcapp": "registry/calcapp:1", "cpufunc_sidecar": "registry/sidecar:1"}
SAMPLE = paths.SAMPLE
NAME = "calcapp-basic"


@pytest.fixture(autouse=True)
def source(checkout: Path) -> Path:
    """The sample controller, as it is unpacked."""
    del checkout
    shutil.copytree(SAMPLE, paths.CONTROLLER)
    return paths.CONTROLLER


def texts(name: str = NAME) -> dict[Path, str]:
    scenario = Scenario(known.named(name), tuple, lambda _: REFERENCES)
    return {paths.SCENARIOS / name / file: text for file, text in scenario.texts().items()}


def test_a_pattern_has_the_manuals_five_files_with_our_images() -> None:
    assert [path.name for path in texts()] == list(places.FILES)
    configuration = texts()[paths.SCENARIOS / NAME / "cm-cpufunc-config.yaml"]
    assert set(re.findall(r'"image": *"([^"]+)"', configuration)) == set(REFERENCES.values())
    for text in texts().values():
        assert list(yaml.safe_load_all(text))
    assert json.dumps(REFERENCES["cpufunc_calcapp"]) in configuration


def test_only_the_dataflow_of_a_twin_differs_it_asks_for_its_nodes() -> None:
    single, twin = texts(), texts(f"{NAME}-multi-worker")
    by_file = {path.name: text for path, text in twin.items()}
    differing = [path.name for path, text in single.items() if by_file[path.name] != text]
    assert differing == ["df-cpufunc.yaml"]
    flow = yaml.safe_load(by_file["df-cpufunc.yaml"])
    assert flow["spec"]["userRequirement"] == "user-requirement"
    assert {**flow["spec"], "userRequirement": None} == {
        **yaml.safe_load(single[paths.SCENARIOS / NAME / "df-cpufunc.yaml"])["spec"],
        "userRequirement": None,
    }


def test_they_are_written_anew_only_where_their_content_changed() -> None:
    wanted = texts()
    assert len(manual_files.lack_of(wanted).reasons) == len(places.FILES)
    manual_files.keep(wanted)
    assert not manual_files.lack_of(wanted)
    flow = paths.SCENARIOS / NAME / "df-cpufunc.yaml"
    flow.write_text("mine")
    assert manual_files.lack_of(wanted).reasons == (f"{facts.shown(flow)}: another text",)
    manual_files.keep(wanted)
    assert flow.read_text(encoding="utf-8") == wanted[flow]


def test_those_of_a_pattern_that_cannot_run_any_more_go_and_nothing_else() -> None:
    manual_files.keep(texts())
    stale, own = paths.SCENARIOS / "p2c1", paths.SCENARIOS / "my-copy"
    for folder in (stale, own):
        folder.mkdir()
        (folder / "df-cpufunc.yaml").touch()
    assert manual_files.lack_of(texts()).reasons == (f"{facts.shown(stale)}: cannot run here any more",)
    manual_files.keep(texts())
    assert not stale.exists()
    assert own.is_dir()


def test_those_of_an_own_pattern_whose_folder_is_gone_go_and_so_does_a_file_that_it_no_longer_has() -> None:
    folder = own_patterns.write("mine")
    wanted = {path.parents[1] / "mine" / path.name: text for path, text in texts().items()}
    manual_files.keep({**texts(), **wanted})
    (paths.SCENARIOS / "mine" / "notes.txt").touch()

    chain = paths.SCENARIOS / "mine" / "functionchain.yaml"
    fewer = {path: text for path, text in {**texts(), **wanted}.items() if path != chain}
    assert manual_files.lack_of(fewer).reasons == (f"{facts.shown(chain)}: no file of its pattern any more",)
    manual_files.keep(fewer)
    assert not chain.exists()
    assert (paths.SCENARIOS / "mine" / "notes.txt").exists()
    assert not manual_files.lack_of(fewer)

    shutil.rmtree(folder)
    known.forget()
    assert manual_files.lack_of(texts()).reasons == (
        f"{facts.shown(paths.SCENARIOS / 'mine')}: cannot run here any more",
    )
    manual_files.keep(texts())
    assert not (paths.SCENARIOS / "mine").exists()
    assert not manual_files.lack_of(texts())
