"""Jinja templates: rendered to text, never edited in place."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Template

# A word that every reader of YAML 1.1 and 1.2 takes for a string, unless it is one of these.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9._/@-]|:(?!$))*")
_NOT_STRINGS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def render(template: Path, **values: Any) -> str:
    """Return the text of a template.

    Args:
        template: A Jinja file; beside Jinja's own filters it has `scalar`, for a string in YAML.
        values: What it may name.

    Raises:
        Problem: It names something else, or is not a template.
    """
    from jinja2 import TemplateError

    try:
        return _compiled(template.read_text(encoding="utf-8")).render(values)
    except TemplateError as error:
        raise Problem(f"{template}: {error}") from error


# Kept: many are rendered once a node, and compiling takes a hundred times as long.
@lru_cache(maxsize=32)
def _compiled(text: str) -> Template:
    import jinja2

    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701 - YAML, JSON and shell, not HTML
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["scalar"] = _scalar
    return environment.from_string(text)


def _scalar(value: object) -> str:
    """Return a text as YAML that reads as a string, whatever it looks like: quoted only where it has to be."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _NOT_STRINGS else json.dumps(text)
