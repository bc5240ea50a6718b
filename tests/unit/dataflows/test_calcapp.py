"""tasks.dataflows.calcapp: the receiver's log line in all its spacings, and the function that answered wrongly."""

from __future__ import annotations

import math

import pytest

from tasks.dataflows import calcapp
from tasks.patterns import form, known

PATTERN = known.named("calcapp-basic")
TIME = "2026-01-01T00:00:00.000Z\tINFO\tworkspace/main.go:312\tstart call Do\t"
RESULTS = (
    r"results:{operator:\"plus\" value:15} results:{operator:\"minus\" value:-13}"
    r" results:{operator:\"multiply\" value:120} results:{operator:\"divide\" value:0.008333333333333333}"
    r" results:{operator:\"average\" value:30.502083333333335}"
)
INPUTS = "inputs:1 inputs:2 inputs:3 inputs:4 inputs:5"


VALUES = (15.0, -13.0, 120.0, 0.008333333333333333, 30.502083333333335)
INF, NAN = math.inf, math.nan


def wrong(answer: calcapp.Answer) -> calcapp.Row | None:
    return next((row for row in calcapp.rows(PATTERN, answer) if not row.ok), None)


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
    assert wrong(answer) is None
    assert tuple(row.value for row in calcapp.rows(PATTERN, answer) if row.hop.operator) == VALUES


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
    found = wrong(answer)
    assert found
    assert (found.hop.key, found.value) == (key, value)


# As the operators of calcapp answer in Go, but for the sign of a zero. The first row is the manual's.
@pytest.mark.parametrize(
    ("inputs", "values"),
    [
        ((1, 2, 3, 4, 5), VALUES),
        ((2, 3, 4), (9.0, -5.0, 24.0, 0.16666666666666666, 7.041666666666667)),
        ((0.1, 0.2, 0.3), (0.6000000000000001, -0.4, 0.006000000000000001, 1.6666666666666667, 0.46816666666666673)),
        ((7,), (0.0, 0.0, 0.0, 0.0, 0.0)),
        ((1, 0), (1.0, 1.0, 0.0, INF, INF)),
        ((-1, 0), (-1.0, -1.0, -0.0, -INF, -INF)),
        ((0, 0), (0.0, 0.0, 0.0, NAN, NAN)),
        ((1e308, 10), (1e308, 1e308, INF, 1e307, INF)),
    ],
)
def test_the_values_of_any_inputs_are_computed_as_calcapp_does(
    inputs: tuple[float, ...], values: tuple[float, ...]
) -> None:
    assert PATTERN.verification.values
    asked = PATTERN.verification.values.expected
    wanted = calcapp.expected(asked, tuple(map(float, inputs)))
    assert list(wanted) == list(asked)
    # As text: NaN equals nothing, and zero has a sign.
    assert [repr(value) for value in wanted.values()] == [repr(value) for value in values]


def test_every_result_that_a_pattern_may_ask_for_can_be_computed() -> None:
    asked: dict[str, float | str] = {name: name for name in form.RESULTS}
    found = calcapp.expected(asked, (6.0, 3.0))
    assert found == {"sum": 9.0, "difference": 3.0, "product": 18.0, "quotient": 2.0, "mean": 8.0}


def test_a_number_is_expected_whatever_the_inputs_and_counts_in_the_mean() -> None:
    asked: dict[str, float | str] = {"square": 55.0, "plus": "sum", "average": "mean"}
    assert calcapp.expected(asked, (1.0, 2.0)) == {"square": 55.0, "plus": 3.0, "average": 29.0}


@pytest.mark.parametrize(("written", "ok"), [("nan", True), ("inf", False), ("1", False)])
def test_what_is_no_number_is_compared_as_such(written: str, ok: bool) -> None:
    results = r"results:{operator:\"plus\"} results:{operator:\"minus\"} results:{operator:\"multiply\"}"
    text = rf"inputs:0 inputs:0 {results} results:{{operator:\"divide\" value:{written}}}"
    answer = calcapp.parse(line(text))
    assert answer
    (divide,) = [row for row in calcapp.rows(PATTERN, answer) if row.hop.key == "divide"]
    assert divide.ok is ok
