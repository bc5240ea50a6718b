"""The answer of calcapp: what the receiver logged, and how it compares with what a pattern expects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
    """A function of the chain with the value it answered, None if it answered none."""

    hop: Hop
    value: float | None

    @property
    def ok(self) -> bool:
        """Whether the value is exactly the expected one; a function that only passes values on is never wrong."""
        return not self.hop.operator or self.value == self.hop.value


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
    return [Row(hop, answer.values.get(hop.operator) if hop.operator else None) for hop in pattern.hops]


def wrong(pattern: Pattern, answer: Answer) -> Row | None:
    """Return the first function whose value is wrong or missing."""
    return next((row for row in rows(pattern, answer) if not row.ok), None)


def _fields(text: str) -> dict[str, str]:
    """Return the fields of a protobuf message as text: `operator:"plus" value:15`."""
    words = re.sub(r":\s+", ":", text).split()
    pairs = [word.partition(":") for word in words]
    return {name: value.strip('"') for name, _, value in pairs}
