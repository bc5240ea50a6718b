"""Text in YAML stays text, whatever it looks like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.engines.files import templates
from tasks.problems import Problem
from tasks.settings import cluster, paths

if TYPE_CHECKING:
    from pathlib import Path

# What is rendered is kept below its build/.
pytestmark = pytest.mark.usefixtures("checkout")

TEMPLATES = sorted([*paths.KIND.rglob("*.yaml.j2"), *paths.MANIFEST.rglob("*.yaml.j2")])
# Values that an expression in a template produces by itself.
ALONE = re.compile(r"(?:^|[:\-,{\[])[ \t]+\{\{(?P<expression>.+?)\}\}[ \t]*(?=[,}\]]|$)", re.MULTILINE)
# Addresses have three dots, subnets a slash; one value has to be a number, and the rest are words of the templates.
NO_STRINGS = {
    *("pod_subnet", "service_subnet", "metallb_pool()", "cri_socket", "target", "namespace", "kind", "name"),
    *("parameters.pod_subnet", "parameters.nv_ipam_subnet", "parameters.nv_ipam_gateway"),
    *(f"parameters.nv_ipam_exclude_{edge}_{number}" for edge in ("start", "end") for number in (1, 2)),
    *("node.role", "parameters.nv_ipam_per_node_block_size"),
}


@pytest.mark.parametrize(
    "name",
    ["kind", "123", "true", "no", "y", "null", "1e3", "0x1f", "0o17", "0b1", "1-2", "2024-01-01", "12e03", "nan", "on"],
)
def test_a_clusters_name_is_a_string_to_kind(name: str) -> None:
    image = "kind-ubuntu:22.04.5"
    text = templates.render(
        paths.KIND / "cluster.yaml.j2",
        name=name,
        pod_subnet="10.244.0.0/16",
        service_subnet="10.96.0.0/16",
        cri_socket="",
        nodes=cluster.NODES,
        images={node.suffix: image for node in cluster.NODES},
        mounts={},
        read_only={},
    )
    read = yaml.safe_load(text)
    assert read["name"] == name
    assert {node["image"] for node in read["nodes"]} == {image}
    # Other readers take more words for numbers than PyYAML does.
    assert f'name: "{name}"\n' in text or name == "kind"


def test_names_that_need_no_quotes_have_none() -> None:
    """Existing clusters remember the text from which they were created, so it must not change."""
    assert templates._scalar("kind-ubuntu:22.04.5") == "kind-ubuntu:22.04.5"


@pytest.mark.parametrize("text", ["a: b", "a #b", "a:", "", "-", "*a", "a'b", 'a"b', "ä"])
def test_what_yaml_would_take_apart_is_quoted(text: str) -> None:
    assert yaml.safe_load(f"value: {templates._scalar(text)}") == {"value": text}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.parent.name + "/" + path.name)
def test_no_template_leaves_it_to_yaml_what_a_text_is(template: Path) -> None:
    found = {match["expression"].strip() for match in ALONE.finditer(template.read_text(encoding="utf-8"))}
    left = {one for one in found if not re.search(r"\| (scalar|tojson)$", one)}
    assert left <= NO_STRINGS


@pytest.fixture
def greeting(checkout: Path) -> Path:
    """A template with one variable."""
    file = checkout / "greeting.txt.j2"
    file.write_text("Hello {{ name }}\n")
    return file


def no_rendering(*_: object) -> str:
    raise AssertionError("rendered again")


def test_a_text_is_rendered_once_for_each_set_of_values(greeting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [templates.render(greeting, name=name) for name in ("you", "me")] == ["Hello you\n", "Hello me\n"]
    monkeypatch.setattr(templates, "_rendered", no_rendering)
    assert [templates.render(greeting, name=name) for name in ("me", "you")] == ["Hello me\n", "Hello you\n"]
    with pytest.raises(AssertionError, match="rendered again"):
        templates.render(greeting, name="others")
    greeting.write_text("Bye {{ name }}\n")
    with pytest.raises(AssertionError, match="rendered again"):
        templates.render(greeting, name="you")


def test_values_that_a_template_does_not_use_neither_count_nor_are_called(greeting: Path) -> None:
    assert templates.render(greeting, name="you", other=no_rendering) == "Hello you\n"
    assert [file.name for file in (paths.RENDERED / "templates").iterdir()] == [
        templates._kept(greeting, greeting.read_text(), {"name": "you", "other": 1}).name
    ]


def test_what_a_function_returns_now_decides_on_the_text(greeting: Path) -> None:
    greeting.write_text("Hello {{ name() }}\n")
    names = ["you", "you", "me", "me"]
    assert templates.render(greeting, name=lambda: names[0]) == "Hello you\n"
    assert templates.render(greeting, name=lambda: names[2]) == "Hello me\n"


def test_where_nothing_can_be_kept_a_text_is_rendered_each_time(
    greeting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "RENDERED", greeting / "rendered")
    assert templates.render(greeting, name="you") == templates.render(greeting, name="you") == "Hello you\n"


def test_a_variable_that_is_not_given_is_named_at_each_attempt(greeting: Path) -> None:
    for _ in range(2):
        with pytest.raises(Problem, match="'name' is undefined"):
            templates.render(greeting, other="you")
