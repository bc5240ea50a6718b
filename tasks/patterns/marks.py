"""Where the fields of a YAML text are, and complaints that say so: `path:line: field: reason`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Place = tuple["str | int", ...]


def not_yaml(error: Exception, path: str) -> str:
    """Return the complaint about a text that is not YAML."""
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return f"{path}:{mark.line + 1 if mark else 1}: is not YAML: {reason}"


def located(path: str, found: Mapping[Place, int], place: Place, reason: str) -> str:
    """Return a complaint with its line: that of the field, or of the nearest that there is around it.

    Args:
        path: The file, as messages name it.
        found: The line of each field.
        place: The field.
        reason: What is wrong with it.
    """
    nearest = next((place[:end] for end in range(len(place), -1, -1) if place[:end] in found), ())
    field = "".join(f"[{word}]" if isinstance(word, int) else f".{word}" for word in place).lstrip(".")
    return f"{path}:{found.get(nearest, 1)}: {f'{field}: ' if field else ''}{reason}"


def lines(node: yaml.Node, place: Place = ()) -> dict[Place, int]:
    """Return the line of each field and each item, counted from 1."""
    found: dict[Place, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            found |= {inner: key.start_mark.line + 1, **lines(value, inner)}
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            inner = (*place, number)
            found |= {inner: value.start_mark.line + 1, **lines(value, inner)}
    return found


def twice(node: yaml.Node) -> Iterator[tuple[str, int]]:
    """Yield each field that a mapping holds twice, of which YAML would keep the last, and its line."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                yield name, key.start_mark.line + 1
            seen.add(name)
            yield from twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from twice(value)
