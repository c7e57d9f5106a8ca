"""How every command ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vader_rt.cli.exit_codes import exit_code
from vader_rt.errors import EngineError, InputError, ParityError, UsageError


def raising(error: BaseException) -> Callable[[], int]:
    def job() -> int:
        raise error

    return job


@pytest.mark.parametrize(
    ("job", "code", "words"),
    [
        (lambda: 0, 0, ""),
        (raising(UsageError("odd")), 2, "program: odd\n"),
        (raising(InputError("bad")), 3, "program: bad\n"),
        (raising(EngineError("none")), 4, "program: none\n"),
        (raising(ParityError("far")), 4, "program: far\n"),
        (raising(KeyboardInterrupt()), 130, "program: interrupted; nothing was written\n"),
    ],
)
def test_one_line_and_a_code(
    job: Callable[[], int], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("program", job) == code
    assert capsys.readouterr() == ("", words)


def test_other_errors_are_ours_to_mend() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code("program", raising(ZeroDivisionError()))
