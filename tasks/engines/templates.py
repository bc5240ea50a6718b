"""Jinja templates: rendered to text, never edited in place."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Template


def render(template: Path, **values: Any) -> str:
    """Return the text of a template.

    Args:
        template: A Jinja file.
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
    return environment.from_string(text)
