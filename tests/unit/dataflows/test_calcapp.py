"""tasks.dataflows.calcapp: the receiver's log line in all its spacings, and the function that answered wrongly."""

from __future__ import annotations

import pytest

from tasks.dataflows import calcapp
from tasks.settings.patterns import BY_NAME

PATTERN = BY_NAME["calcapp-basic"]
TIME = "2026-01-01T00:00:00.000Z\tINFO\tworkspace/main.go:312\tstart call Do\t"
RESULTS = (
    r"results:{operator:\"plus\" value:15} results:{operator:\"minus\" value:-13}"
    r" results:{operator:\"multiply\" value:120} results:{operator:\"divide\" value:0.008333333333333333}"
    r" results:{operator:\"average\" value:30.502083333333335}"
)
INPUTS = "inputs:1 inputs:2 inputs:3 inputs:4 inputs:5"


def line(request: str) -> str:
    return f'{TIME}{{"req": "{request}"}}'


@pytest.mark.parametrize(
    "request_text",
    [
        f"{INPUTS} {RESULTS}",
        f"{INPUTS} {RESULTS}".replace(" ", "  "),
        f"{INPUTS} {RESULTS}".replace(":{", ": {").replace("} ", " }  "),
        f"{INPUTS} {RESULTS}".replace("value:", "value: ").replace("inputs:", "inputs: "),
    ],
)
def test_all_values_are_read_whatever_the_spacing(request_text: str) -> None:
    answer = calcapp.parse(line(request_text))
    assert answer
    assert answer.inputs == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert calcapp.wrong(PATTERN, answer) is None
    values = [15.0, -13.0, 120.0, 0.008333333333333333, 30.502083333333335]
    assert [row.value for row in calcapp.rows(PATTERN, answer) if row.hop.operator] == values


def test_a_value_that_is_left_out_is_zero() -> None:
    answer = calcapp.parse(line(r"inputs:1 results:{operator:\"plus\"}"))
    assert answer
    assert answer.values == {"plus": 0.0}


def test_other_lines_are_no_requests() -> None:
    assert calcapp.parse("2026-01-01T00:00:00Z\tINFO\tworkspace/main.go:1\tload config") is None


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        (RESULTS.replace("value:120", "value:121"), "multiply", 121.0),
        (RESULTS.replace("value:0.008333333333333333", "value:0.0083333333333"), "divide", 0.0083333333333),
        (RESULTS.replace(r"results:{operator:\"minus\" value:-13} ", ""), "minus", None),
        (RESULTS.replace("value:15", ""), "plus", 0.0),
    ],
)
def test_the_first_function_that_answers_wrongly_is_named(text: str, key: str, value: float | None) -> None:
    answer = calcapp.parse(line(f"{INPUTS} {text}"))
    assert answer
    found = calcapp.wrong(PATTERN, answer)
    assert found
    assert (found.hop.key, found.value) == (key, value)
