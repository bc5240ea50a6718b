"""The answer of calcapp: what the receiver logged, and how it compares with what each function has to compute."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tasks.patterns.model import Hop, Pattern

REQUEST = "start call Do"
_RESULT = re.compile(r"results:\s*\{([^{}]*)\}")
_INPUT = re.compile(r"\binputs:\s*(\S+)")


@dataclass(frozen=True)
class Answer:
    """What reached a function: the inputs, and each value by the operator that added it."""

    inputs: tuple[float, ...]
    values: dict[str, float]


@dataclass(frozen=True)
class Row:
    """A function of the chain.

    Attributes:
        hop: The function.
        value: What it answered, None if it answered nothing.
        expected: What it has to answer, None if it only passes values on.
        tolerance: How far the value may be from that.
    """

    hop: Hop
    value: float | None
    expected: float | None
    tolerance: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the value is the expected one; a function that only passes values on is never wrong."""
        if self.expected is None or self.value is None:
            return self.expected is None
        if math.isnan(self.value) or math.isnan(self.expected):
            return math.isnan(self.value) and math.isnan(self.expected)
        return self.value == self.expected or abs(self.value - self.expected) <= self.tolerance


def request(pattern: Pattern) -> list[str]:
    """Return the command that sends a pattern's inputs."""
    # The client takes a first input below zero for an option.
    dashes = ["--"] if pattern.inputs[0].startswith("-") else []
    return [pattern.client, *dashes, *pattern.inputs]


def parse(line: str) -> Answer | None:
    """Return what a log line says about a request, or None if it is about none.

    The request is protobuf text inside JSON: its spacing varies, and values of zero are left out.
    """
    if REQUEST not in line:
        return None
    request = line.partition(REQUEST)[2].replace('\\"', '"')
    results = [_fields(match[1]) for match in _RESULT.finditer(request)]
    inputs = tuple(float(match[1]) for match in _INPUT.finditer(_RESULT.sub("", request).replace('"', " ")))
    return Answer(inputs, {fields.get("operator", ""): float(fields.get("value", 0.0)) for fields in results})


def rows(pattern: Pattern, answer: Answer) -> list[Row]:
    """Return the functions of a pattern that is verified with values, in order, with the values of an answer."""
    values = pattern.verification.values
    if values is None:
        return []
    asked = {hop.key: values.expected[hop.key] for hop in pattern.hops if hop.key in values.expected}
    wanted = expected(asked, answer.inputs)
    found = ((hop, answer.values.get(hop.operator), wanted.get(hop.key)) for hop in pattern.hops)
    return [Row(hop, value, right, values.tolerance) for hop, value, right in found]


def expected(asked: Mapping[str, float | str], inputs: Sequence[float]) -> dict[str, float]:
    """Return what each function has to answer: the same 64-bit operations as calcapp's, in the same order.

    Args:
        asked: A number, or the name of a result, by key and in the order of the chain; the mean is that of the answers
            before it.
        inputs: What is sent. Of fewer than two inputs, each operation makes 0.
    """
    answers: dict[str, float] = {}
    for key, wanted in asked.items():
        answers[key] = _result(wanted, inputs, answers) if isinstance(wanted, str) else wanted
    return answers


def _result(name: str, inputs: Sequence[float], before: Mapping[str, float]) -> float:
    if name == _MEAN:
        # Not `sum`, which makes up for rounding errors since Python 3.12.
        return _quotient(reduce(operator.add, before.values(), 0.0), float(len(before)))
    return reduce(_OPERATIONS[name], inputs) if len(inputs) > 1 else 0.0


def _quotient(one: float, other: float) -> float:
    """Return a quotient as IEEE 754 defines it: Python alone refuses to divide by zero."""
    if other:
        return one / other
    sign = math.copysign(1.0, one) * math.copysign(1.0, other)
    return math.nan if math.isnan(one) or not one else sign * math.inf


_MEAN = "mean"
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "sum": operator.add,
    "difference": operator.sub,
    "product": operator.mul,
    "quotient": _quotient,
}


def _fields(text: str) -> dict[str, str]:
    """Return the fields of a protobuf message as text: `operator:"plus" value:15`."""
    words = re.sub(r":\s+", ":", text).split()
    pairs = [word.partition(":") for word in words]
    return {name: value.strip('"') for name, _, value in pairs}
