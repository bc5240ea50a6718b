"""Shows the parameter table and writes it to the user's file."""

from __future__ import annotations

import json
import os
import re
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines import files
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.settings.parameters import Declaration, Layers

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_@%+=:,./*^-]*")
_HEADER = """\
# The parameters of this checkout: edit the values here. The process environment wins over this file.
# `./doit configure` adds what is missing and leaves the rest as it is; a line that you remove has its default again.
"""


def show(*, as_json: bool = False) -> None:
    """Show each parameter with its value, origin and meaning.

    Args:
        as_json: Show a list of objects instead of the table.

    Raises:
        Problem: A parameter is wrong; the table is shown before that is said.
    """
    layers = parameters.read(paths.ROOT, os.environ)
    progress.line(_json(layers) if as_json else _table(layers))
    for line in () if as_json else parameters.ineffective(layers):
        progress.line(line)
    parameters.validated(layers)


def configure() -> None:
    """Write the table with the values that hold to the user's file, or add what is missing there."""
    layers = parameters.read(paths.ROOT, os.environ)
    target = (paths.ROOT / parameters.USER_FILE).resolve()
    present = {setting.name for setting in parameters.read_file(target, target.parent)}
    missing = [declaration for declaration in layers.declarations if declaration.name not in present]
    if not missing:
        progress.line(f"{parameters.USER_FILE} holds all {len(layers.declarations)} parameters already")
        return
    earlier = target.read_bytes() if target.exists() else _HEADER.encode()
    line_end = b"\r\n" if b"\r\n" in earlier else b"\n"
    end = b"" if earlier.endswith(b"\n") or not earlier else line_end
    files.write(target, earlier + end + _as_file(missing, layers).encode().replace(b"\n", line_end))
    progress.line(
        f"{parameters.USER_FILE}: {len(missing)} {'parameter' if len(missing) == 1 else 'parameters'} written"
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
    """Return the table as aligned columns under the heading of each group."""
    settings = layers.settings
    columns = [
        max(len(declaration.name) for declaration in layers.declarations),
        max(len(setting.value) for setting in settings.values()),
        max(len(setting.origin) for setting in settings.values()),
    ]
    lines: list[str] = []
    for group, members in groupby(layers.declarations, attrgetter("group")):
        lines += ["", group] if lines else [group]
        for declaration in members:
            setting = settings[declaration.name]
            cells = (declaration.name, setting.value, setting.origin)
            padded = "  ".join(cell.ljust(width) for cell, width in zip(cells, columns, strict=True))
            lines.append(f"  {padded}  {declaration.meaning}")
    return "\n".join(lines)


def _as_file(declarations: Iterable[Declaration], layers: Layers) -> str:
    text = ""
    for group, members in groupby(declarations, attrgetter("group")):
        text += f"\n{parameters.GROUP}{group}\n"
        for declaration in members:
            value = layers.settings[declaration.name].value
            text += f"# {declaration.meaning}\n{declaration.name}={_quoted(value)}\n"
    return text


def _quoted(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
