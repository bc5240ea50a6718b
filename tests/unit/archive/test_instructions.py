"""tasks.archive.instructions: the instructions of a Dockerfile, with their lines."""

from __future__ import annotations

from tasks.archive import instructions
from tasks.archive.instructions import Instruction

TEXT = """\
# syntax=docker/dockerfile:1
from  ubuntu:22.04   AS one

RUN apt-get update \\
    # only what is needed
    && apt-get install -y \\

       python3
RUN <<EOF
FROM nowhere
echo $((1<<n))
EOF
COPY <<-"one" <<two /texts/
	FROM nowhere
	one
FROM nowhere
two
RUN cat <<<word
CMD ["x"]
"""


def test_each_has_its_lines_and_texts_in_it_are_no_instructions() -> None:
    assert [*instructions.read(TEXT)] == [
        Instruction("FROM", "ubuntu:22.04 AS one", 2, 2),
        Instruction("RUN", "apt-get update && apt-get install -y python3", 4, 8),
        Instruction("RUN", "<<EOF", 9, 12),
        Instruction("COPY", '<<-"one" <<two /texts/', 13, 17),
        Instruction("RUN", "cat <<<word", 18, 18),
        Instruction("CMD", '["x"]', 19, 19),
    ]


def test_a_text_that_does_not_end_ends_with_the_file() -> None:
    assert [*instructions.read("RUN <<EOF\nFROM x\n")] == [Instruction("RUN", "<<EOF", 1, 2)]
    assert not instructions.read("\n# nothing\n")
