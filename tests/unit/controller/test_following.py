"""tasks.controller.following: how the lines of the parts look."""

from __future__ import annotations

from tasks.controller.following import Line, Part, shown

PARTS = (Part("wbfunction", "x", {}), Part("cpufunction", "x", {"app": "y"}))
SAID = [Line("wbfunction", "abcde", "one"), Line("cpufunction", "fghij", "two"), Line("wbfunction", "abcde", "")]


def test_lines_stand_behind_their_part_and_pod() -> None:
    assert list(shown(SAID, PARTS, coloured=False)) == [
        "wbfunction  abcde | one",
        "cpufunction fghij | two",
        "wbfunction  abcde | ",
    ]


def test_each_part_has_one_colour_of_its_own() -> None:
    one, two, three = shown(SAID, PARTS, coloured=True)
    assert one == "\x1b[36mwbfunction  abcde |\x1b[0m one"
    assert two.startswith("\x1b[33mcpufunction")
    assert three.startswith("\x1b[36mwbfunction")


def test_a_pod_is_of_a_part_by_its_namespace_and_all_labels() -> None:
    def pod(namespace: str, **labels: str) -> dict[str, object]:
        return {"metadata": {"name": "p", "namespace": namespace, "labels": labels}}

    assert PARTS[1].has(pod("x", app="y", more="z"))
    assert not PARTS[1].has(pod("x", app="z"))
    assert not PARTS[1].has(pod("z", app="y"))
