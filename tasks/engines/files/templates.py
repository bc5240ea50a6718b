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

# Words that every reader of YAML 1.1 and 1.2 takes for strings, except those of _NOT_STRINGS.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9._/@-]|:(?!$))*")
_NOT_STRINGS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def render(template: Path, **values: Any) -> str:
    """Return the text of a template.

    Args:
        template: A Jinja file; besides Jinja's own filters, it can use `scalar` for a string in YAML.
        values: The variables that it may use.

    Raises:
        Problem: It uses another variable, or is not a valid template.
    """
    from jinja2 import TemplateError

    try:
        return _compiled(template.read_text(encoding="utf-8")).render(values)
    except TemplateError as error:
        raise Problem(f"{template}: {error}") from error


# Cached: many are rendered once for each node, and compiling takes a hundred times as long as rendering.
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
    """Return a text as a YAML string, quoted only if it would otherwise be read as something else."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text.lower() not in _NOT_STRINGS else json.dumps(text)
