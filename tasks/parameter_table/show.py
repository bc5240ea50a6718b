"""Shows the parameter table and writes it to the user's file."""

from __future__ import annotations

import json
import os
import re
import sys
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from tasks import layout, progress
from tasks.engines.files import atomic
from tasks.settings import parameters, paths
from tasks.settings.parameters import layers as parameters_layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tasks.settings.parameters.layers import Declaration, Layers

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_@%+=:,./*^-]*")
_MARGIN, _GAP = "  ", "  "
# Columns for a value. The few longer values do not widen it, which would push the columns apart.
_USUAL_VALUE = 32
# With fewer columns, a meaning is cut too short to be useful.
_LEAST_MEANING = 24
_CUT = "Cut to the terminal; whole: ./doit parameters | less -S, or --json"
_HEADER = """\
# The parameters of this checkout: edit the values here. The process environment wins over this file.
# `./doit configure` adds what is missing and leaves the rest as it is; a line that you remove has its default again.
"""


def show(*, as_json: bool = False) -> None:
    """Show each parameter with its value, origin and meaning.

    Args:
        as_json: Show a list of objects instead of the table.

    Raises:
        Problem: A parameter is wrong; the table is shown first.
    """
    layers = parameters_layers.read(paths.ROOT, os.environ)
    progress.line(_json(layers) if as_json else _table(layers))
    for line in () if as_json else parameters.ineffective(layers):
        progress.line(line)
    parameters.validated(layers)


def configure() -> None:
    """Write the table with the current values to the user's file, or add what is missing there."""
    layers = parameters_layers.read(paths.ROOT, os.environ)
    target = (paths.ROOT / parameters_layers.USER_FILE).resolve()
    present = {setting.name for setting in parameters_layers.read_file(target, target.parent)}
    missing = [declaration for declaration in layers.declarations if declaration.name not in present]
    if not missing:
        progress.line(f"{parameters_layers.USER_FILE} holds all {len(layers.declarations)} parameters already")
        return
    earlier = target.read_bytes() if target.exists() else _HEADER.encode()
    line_end = b"\r\n" if b"\r\n" in earlier else b"\n"
    end = b"" if earlier.endswith(b"\n") or not earlier else line_end
    atomic.write(target, earlier + end + _as_file(missing, layers).encode().replace(b"\n", line_end))
    progress.line(
        f"{parameters_layers.USER_FILE}: {len(missing)} {'parameter' if len(missing) == 1 else 'parameters'} written"
    )


def _json(layers: Layers) -> str:
    rows = [
        {
            "name": declaration.name,
            "value": layers.settings[declaration.name].value,
            "origin": layers.settings[declaration.name].origin,
            "meaning": declaration.meaning,
            "group": declaration.group,
            "default": declaration.default,
        }
        for declaration in layers.declarations
    ]
    return json.dumps(rows, indent=2)


def _table(layers: Layers) -> str:
    """Return the table as columns under the heading of each group; on a terminal, no line is wider than it."""
    room = layout.columns() if sys.stdout.isatty() else None
    rows = [_row(layers, declaration) for declaration in layers.declarations]
    widths = _widths(rows, room)
    lines: list[str] = []
    for group, members in groupby(layers.declarations, attrgetter("group")):
        lines += ["", group] if lines else [group]
        lines += [_line(_row(layers, declaration), widths, room) for declaration in members]
    return "\n".join([*lines, *([_CUT] if room and _are_cut(rows, widths) else [])])


def _are_cut(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> bool:
    return any(layout.cells(cell) > width for row in rows for cell, width in zip(row, widths, strict=True))


def _row(layers: Layers, declaration: Declaration) -> tuple[str, ...]:
    setting = layers.settings[declaration.name]
    return declaration.name, setting.value, setting.origin, declaration.meaning


def _widths(rows: Sequence[Sequence[str]], room: int | None) -> list[int]:
    """Return the widths of name, value, origin and meaning; the last is 0 if there is no room for it.

    Args:
        rows: Cells of every line.
        room: Columns of a line; None for no limit.
    """
    name, value, origin, meaning = (max(map(layout.cells, column)) for column in zip(*rows, strict=True))
    value = min(value, _USUAL_VALUE)
    if room is None:
        return [name, value, origin, meaning]
    rest = room - sum((len(_MARGIN), name, origin, 3 * len(_GAP)))
    if rest - value >= _LEAST_MEANING:
        return [name, value, origin, rest - value]
    return [name, max(rest + len(_GAP), len(_GAP)), origin, 0]


def _line(row: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    if room is None:
        return f"{_MARGIN}{_GAP.join(map(layout.padded, row, widths))}".rstrip()
    cells = [layout.padded(layout.cut(cell, width), width) for cell, width in zip(row, widths, strict=True) if width]
    return layout.cut(f"{_MARGIN}{_GAP.join(cells)}".rstrip(), room)


def _as_file(declarations: Iterable[Declaration], layers: Layers) -> str:
    text = ""
    for group, members in groupby(declarations, attrgetter("group")):
        text += f"\n{parameters_layers.GROUP}{group}\n"
        for declaration in members:
            value = layers.settings[declaration.name].value
            text += f"# {declaration.meaning}\n{declaration.name}={_quoted(value)}\n"
    return text


def _quoted(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
