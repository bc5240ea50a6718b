"""Dataflows of the user's own: README's example as its readers make it, and one with functions in Python and Go."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests import own_pattern
from tests.cluster.lab import ANSWERS, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

EXAMPLES = Path(__file__).parent / "functions"
MINE, SQUARES = "dataflow:mine", "dataflow:squares"
# What README's example has in place of each function, and how that starts.
OWN = {
    "plus": ("square-py", "exec python3 /square.py"),
    "rcv": ("square-go", "exec /square"),
}
FUNCTIONS = [
    {"key": "send", "image": "cpufunc_calcapp"},
    {"key": "plus", "image": "square-py", "operator": "square"},
    {"key": "rcv", "image": "square-go"},
]


@dataclass(frozen=True)
class Squares:
    """The own pattern `squares` in the lab's checkout: send > square in Python > receiver in Go."""

    lab: Lab
    patterns: Path

    def expect(self, square: float, line: str = "square of .*: 55") -> None:
        """Write its pattern.yaml with what is expected of the function in Python."""
        file = self.patterns / "squares" / "pattern.yaml"
        spec = yaml.safe_load(file.read_text(encoding="utf-8"))
        values = {"client": "/calcapp", "inputs": [1, 2, 3, 4, 5], "expected": {"plus": square}}
        spec["functions"] = FUNCTIONS
        spec["verify"] = {"values": values, "log": [{"function": "plus", "line": line, "seconds": 5}]}
        spec.pop("multi_worker", None)
        file.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")

    def configure(self) -> None:
        """Make its containers run the functions of `OWN`."""
        file = self.patterns / "squares" / "cm-cpufunc-config.yaml"
        documents = file.read_text(encoding="utf-8").split("\n---\n")
        file.write_text("\n---\n".join(map(_with_own, documents)), encoding="utf-8")


def _with_own(document: str) -> str:
    name = yaml.safe_load(document)["metadata"]["name"].rpartition("-")[2]
    if name not in OWN:
        return document
    image, start = OWN[name]
    command = f'"cp /config.json.tmpl /config/; {start}"'
    lines = document.replace("cpufunc_calcapp", image).split("\n")
    return "\n".join(_started(line, command) if '"command": ["bash"' in line else line for line in lines)


def _started(line: str, command: str) -> str:
    return f'{line.partition("[")[0]}["bash", "-c", {command}],'


@pytest.fixture(scope="module")
def patterns(lab: Lab) -> Iterator[Path]:
    """The folder work/patterns of the lab's checkout, whose patterns and dataflows are gone afterwards."""
    folder = lab.checkout.root / "work" / "patterns"
    yield folder
    lab.run("delete_dataflow:mine", "delete_dataflow:squares")
    shutil.rmtree(folder)
    shutil.rmtree(lab.checkout.root / "work" / "functions")


def test_readmes_example_runs_as_it_is_and_without_minus(verified: Lab, patterns: Path) -> None:
    verified.run(*own_pattern.NEW)
    assert answers(verified.run(MINE)) == ANSWERS
    own_pattern.edit(patterns)
    output = verified.run(MINE)
    assert "df-mine was deployed from other files: deleting it first" in output
    assert answers(output) == {"plus": "15.0"}


@pytest.fixture(scope="module")
def squares(lab: Lab, patterns: Path) -> Squares:
    """README's example with own functions, beside a pattern.yaml that is not valid."""
    lab.run("new_pattern", "--from", "mine", "--name", "squares")
    made = Squares(lab, patterns)
    made.configure()
    shutil.copytree(EXAMPLES, lab.checkout.root / "work" / "functions")
    (patterns / "bad").mkdir()
    (patterns / "bad" / "pattern.yaml").write_text("namespac: cpufunc-calcapp\n", encoding="utf-8")
    return made


def test_own_functions_in_python_and_go_are_verified_beside_a_pattern_that_is_not_valid(squares: Squares) -> None:
    squares.expect(55)
    output = squares.lab.run(SQUARES)
    assert answers(output) == {"plus": "55.0"}
    assert "square of [1" in output
    refused = squares.lab.refuse("dataflow:bad")
    assert "work/patterns/bad/pattern.yaml:1: namespac: is no field here; did you mean namespace?" in refused


def test_a_wrong_expectation_fails_and_names_the_function(squares: Squares) -> None:
    squares.expect(54)
    assert "df-squares: plus answered 55.0, expected 54.0" in squares.lab.fail(SQUARES)
    squares.expect(55, "cube of")
    assert "df-squares: plus: logged no line like 'cube of' within 5 s" in squares.lab.fail(SQUARES)


def test_what_runs_an_edited_function_is_named_and_runs_the_new_one(squares: Squares) -> None:
    squares.expect(225, "squared sum")
    source = squares.lab.checkout.root / "work" / "functions" / "square-py" / "square.py"
    text = source.read_text(encoding="utf-8")
    edited = text.replace("sum(float(number) ** 2 for", "sum(float(number) for").replace(
        'print(f"square of', 'value **= 2\n            print(f"squared sum of'
    )
    source.write_text(edited, encoding="utf-8")
    output = squares.lab.run(SQUARES)
    assert "df-squares runs earlier images in plus: deleting it first" in output
    assert answers(output) == {"plus": "225.0"}
    assert "Nothing to do" in squares.lab.run("function_image:square-go", "function_image:square-py")
