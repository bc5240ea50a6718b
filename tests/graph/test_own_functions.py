"""Folders of work/functions in the task graph, in a copy of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Checkout

PATTERN = """\
namespace: mine
dataflow: df-mine
functions: [{key: send, image: cpufunc_calcapp}, {key: square, image: squaer}]
verify: {}
"""
TASK = "function_image:square"


def test_each_folder_is_a_task_and_what_is_wrong_with_one_harms_no_other(checkout: Checkout) -> None:
    for file, text in {
        "functions/square/Dockerfile": "FROM scratch\n",
        "functions/Bad/Dockerfile": "FROM scratch\n",
        "functions/empty/main.go": "",
        "patterns/mine/pattern.yaml": PATTERN,
    }.items():
        path = checkout.root / "work" / file
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    for name, reason in {"Bad": "'Bad' cannot be the name of an image", "empty": "has no Dockerfile"}.items():
        refused = checkout.doit(f"function_image:{name}")
        assert refused.returncode == 3
        assert f"work/functions/{name}: {reason}" in refused.stderr
        assert "Traceback" not in refused.stderr
    listed = checkout.doit("list", "--all")
    assert (listed.returncode, listed.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in listed.stdout.splitlines())
    assert lines[TASK] == "Build work/functions/square and push it to the registry."
    assert lines["function_image:empty"] == "Not valid: work/functions/empty: has no Dockerfile"
    assert {"function_image:cpufunc_calcapp", "scenario:mine"} <= lines.keys()
