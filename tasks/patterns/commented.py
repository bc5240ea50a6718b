"""The text of a new pattern.yaml, made from another: what is there stays as it is, with the meaning of each field."""

from __future__ import annotations

import json
import re
import textwrap
from typing import TYPE_CHECKING

import yaml

from tasks.patterns.form import PatternFile, models_in

if TYPE_CHECKING:
    from collections.abc import Iterator

# What editors read, seen from work/patterns/<name>/.
_EDITORS = "# yaml-language-server: $schema=../../../build/pattern.schema.json\n"
_SCHEMA_LINE = re.compile(r"^#\s*yaml-language-server:.*\n?", re.MULTILINE)
_WIDTH = 110


def copied(text: str, dataflow: str) -> str:
    """Return a pattern.yaml with another DataFlow, whose files are beside it.

    Args:
        text: A valid pattern.yaml.
        dataflow: Name of the DataFlow.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    places = {key.value: (key.start_mark.index, value) for key, value in getattr(node, "value", ())}
    _, name = places["dataflow"]
    changes = [(name.start_mark.index, name.end_mark.index, dataflow)]
    if "scenario" in places:
        start, folder = places["scenario"]
        changes.append(_without(text, start, folder, is_flow=bool(getattr(node, "flow_style", False))))
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return _EDITORS + _SCHEMA_LINE.sub("", text)


def commented(text: str) -> str:
    """Return a pattern.yaml with a comment before each field, and with the fields that it leaves out.

    Args:
        text: A valid pattern.yaml, with a line for each of its fields.
    """
    first, _, rest = text.partition("\n")
    given = [line.partition(":")[0] for line in rest.splitlines()]
    lines = [first, *_told(str(PatternFile.__doc__))]
    for line in rest.splitlines():
        name = line.partition(":")[0]
        lines += ["", *_meaning(name)] if name in PatternFile.model_fields else []
        lines.append(line)
    for name, field in PatternFile.model_fields.items():
        if name not in given and not field.is_required():
            lines += ["", *_meaning(name), f"# {name}: {json.dumps(field.get_default(call_default_factory=True))}"]
    return "\n".join([*lines, ""])


def _without(text: str, start: int, value: yaml.Node, *, is_flow: bool) -> tuple[int, int, str]:
    """Return the change that leaves out a field: its lines, or its value where all fields share a line."""
    if is_flow:
        return value.start_mark.index, value.end_mark.index, '""'
    end = text.find("\n", value.end_mark.index)
    return start, len(text) if end < 0 else end + 1, ""


def _meaning(name: str) -> list[str]:
    """Return what a field means, and the fields in it, as comments."""
    field = PatternFile.model_fields[name]
    return [*_told(str(field.description)), *_inner(field.annotation, 1)]


def _inner(annotation: object, depth: int) -> Iterator[str]:
    for model in models_in(annotation):
        for name, field in model.model_fields.items():
            yield from _told(f"{name}: {field.description}", depth)
            yield from _inner(field.annotation, depth + 1)


def _told(text: str, depth: int = 0) -> list[str]:
    indent = f"# {'  ' * depth}"
    return textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  " if depth else indent)
