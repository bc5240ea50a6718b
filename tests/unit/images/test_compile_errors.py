"""tasks.images.compile_errors: what compilers say, by the files that the user edits."""

from __future__ import annotations

import pytest

from tasks.images import compile_errors
from tasks.problems import Problem

GO = """# example.com/WBFunction/internal/controller
internal/controller/x.go:12:3: undefined: y
./main.go:7:1: syntax error: non-declaration statement outside function body
/root/go/pkg/mod/other@v1/z.go:1:2: not the user's
internal/controller/x.go:12:3: undefined: y
too many errors"""
PYTHON = """#12 0.215 *** Error compiling '/operator/sample_operator/x.py'...
#12 0.215   File "/operator/sample_operator/x.py", line 4
#12 0.215     def y(
#12 0.215          ^
#12 0.215 SyntaxError: '(' was never closed
#12 ERROR: process "/bin/sh -c python3 -m compileall -q /operator" did not complete successfully: exit code: 1"""


def edited(path: str) -> str:
    return "" if "pkg/mod" in path else f"/home/me/{path.removeprefix('/operator/')}"


def test_complaints_of_go_name_the_file_that_the_user_edits() -> None:
    assert compile_errors.complaints(GO, edited) == [
        "/home/me/internal/controller/x.go:12:3: undefined: y",
        "/home/me/main.go:7:1: syntax error: non-declaration statement outside function body",
    ]


def test_complaints_of_python_in_a_build_name_the_file_that_the_user_edits() -> None:
    assert compile_errors.complaints(PYTHON, edited) == [
        "/home/me/sample_operator/x.py:4: SyntaxError: '(' was never closed"
    ]


def test_a_compilers_failure_becomes_its_complaints_and_is_not_turned_twice() -> None:
    with (
        pytest.raises(compile_errors.NotCompiled) as caught,
        compile_errors.located(lambda _: ""),
        compile_errors.located(edited),
    ):
        raise Problem("go build failed with exit code 1", details=GO)
    assert caught.value.message.splitlines()[0] == "/home/me/internal/controller/x.go:12:3: undefined: y"
    assert "until then the cluster runs what it ran before" in caught.value.hint


def test_any_other_failure_stays_as_it_is() -> None:
    problem = Problem("image x: the build failed", details="no space left on device", hint="df")
    with pytest.raises(Problem) as caught, compile_errors.located(edited):
        raise problem
    assert caught.value is problem
