"""The answer of calcapp: what the receiver logged, and how it compares with what each function has to compute."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.settings.patterns import Hop, Pattern

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
    """

    hop: Hop
    value: float | None
    expected: float | None

    @property
    def ok(self) -> bool:
        """Whether the value is exactly the expected one; a function that only passes values on is never wrong."""
        if self.expected is None or self.value is None:
            return self.expected is None
        return self.value == self.expected or (math.isnan(self.value) and math.isnan(self.expected))


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
    """Return the functions of a pattern, in order, with the values of an answer."""
    wanted = expected([hop.operator for hop in pattern.hops if hop.operator], answer.inputs)
    return [Row(hop, answer.values.get(hop.operator), wanted.get(hop.operator)) for hop in pattern.hops]


def expected(operators: Sequence[str], inputs: Sequence[float]) -> dict[str, float]:
    """Return what each operator has to answer: the same 64-bit operations as calcapp's, in the same order.

    Args:
        operators: Names of operators, in the order of the chain; the average is that of the answers before it.
        inputs: What is sent. Of fewer than two inputs, each operation makes 0.
    """
    answers: dict[str, float] = {}
    for name in operators:
        if name == _AVERAGE:
            # Not `sum`, which makes up for rounding errors since Python 3.12.
            answers[name] = _quotient(reduce(operator.add, answers.values(), 0.0), float(len(answers)))
        else:
            answers[name] = reduce(_OPERATIONS[name], inputs) if len(inputs) > 1 else 0.0
    return answers


def _quotient(one: float, other: float) -> float:
    """Return a quotient as IEEE 754 defines it: Python alone refuses to divide by zero."""
    if other:
        return one / other
    sign = math.copysign(1.0, one) * math.copysign(1.0, other)
    return math.nan if math.isnan(one) or not one else sign * math.inf


_AVERAGE = "average"
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "plus": operator.add,
    "minus": operator.sub,
    "multiply": operator.mul,
    "divide": _quotient,
}


def _fields(text: str) -> dict[str, str]:
    """Return the fields of a protobuf message as text: `operator:"plus" value:15`."""
    words = re.sub(r":\s+", ":", text).split()
    pairs = [word.partition(":") for word in words]
    return {name: value.strip('"') for name, _, value in pairs}
