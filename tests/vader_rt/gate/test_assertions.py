"""What is demanded, and whether it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vader_rt.conftest import Report
from vader_rt.errors import InputError, UsageError
from vader_rt.gate.assertions import Assertion, Verdict, judge, read_assertions
from vader_rt.gate.results import read_report


@pytest.mark.parametrize(
    ("text", "limit", "passes", "fails"),
    [
        ("leak.mean<0.5%", 0.005, 0.004, 0.005),
        (" leak.mean <= 5e-3 ", 0.005, 0.005, 0.006),
        ("unmasked.frames==0", 0, 0, 1),
        ("unmasked.frames != 2", 2, 0, 2),
        ("score.challenge>0.2", 0.2, 0.3, 0.2),
        ("shown>=1%", 0.01, 0.01, 0.009),
    ],
)
def test_grammar(text: str, limit: float, passes: float, fails: float) -> None:
    assertion = Assertion.parse(text)
    assert assertion.limit == pytest.approx(limit)
    assert assertion.holds(passes)
    assert not assertion.holds(fails)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no assertion; write for example"),
        ("leak.mean", "is no assertion"),
        ("leak.mean<1e", "is no assertion"),
        ("leak.mean<<1", "is no assertion"),
        ("leak.mena<1", "did you mean leak.mean?"),
        ("xyz<1", "there are leak.mean, "),
        ("unmasked.frames<1%", "is a number of frames"),
        ("leak.mean<50", "50 is not a share, from 0 to 1 or 100%; did you mean 50%?"),
        ("leak.mean<150%", "1.5 is not a share, from 0 to 1 or 100%"),
        ("leak.mean<-1", "-1 is not a share"),
        ("unmasked.frames==-1", "-1 is not a number of frames"),
        ("unmasked.seconds<1e400", "inf is not a number of seconds"),
    ],
)
def test_what_is_none_is_said(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("?", r"\?").replace(".", r"\.")):
        Assertion.parse(text)


def test_verdicts(report: Report) -> None:
    texts = ["claimed<=100%", "claimed>100%", "score.challenge<1"]
    passed, failed, undecided = judge(map(Assertion.parse, texts), report)
    assert [v.state for v in (passed, failed, undecided)] == ["passed", "failed", "undecided"]
    assert str(failed).endswith(", and ought to be > 100 %")
    assert "that needs --truth and --mask" in str(undecided)


def test_values_that_differ_are_said_to_differ() -> None:
    asked = Assertion.parse("claimed<1%")
    assert "is 0.01000001, and ought to be < 0.01" in str(Verdict(asked, 0.01000001, "failed"))


def test_what_is_damaged_passes_nothing(saved_damaged: Path) -> None:
    report = read_report(saved_damaged)
    texts = ["claimed<=100%", "claimed>100%"]
    verdicts = judge(map(Assertion.parse, texts), report)
    assert [verdict.state for verdict in verdicts] == ["undecided", "failed"]
    assert "the input is damaged: " in verdicts[0].why


def test_what_was_cut_short_passes_nothing(report: Report) -> None:
    report["complete"] = False
    (verdict,) = judge([Assertion.parse("claimed<=1")], report)
    assert (verdict.state, verdict.why) == ("undecided", "the work was ended early")


def test_a_file_has_levels(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text('error = ["leak.mean < 0.5%"]\nwarn = ["shown < 1%", "claimed < 1%"]\n')
    found = read_assertions(path)
    assert [(a.metric, a.level) for a in found] == [
        ("leak.mean", "error"),
        ("shown", "warn"),
        ("claimed", "warn"),
    ]


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"error = [", InputError, "is no TOML file"),
        (b"\xff\xfe", InputError, "is no TOML file"),
        (b"", UsageError, "holds neither `error` nor `warn`"),
        (b"error = []\nwarn = []", UsageError, "holds neither `error` nor `warn`"),
        (b"errors = []", UsageError, "'errors' is neither"),
        (b"error = 'leak.mean<1'", UsageError, "`error` is no list of texts"),
        (b"warn = [1]", UsageError, "`warn` is no list of texts"),
        (b"warn = ['leak<1']", UsageError, "there is no metric leak;"),
    ],
)
def test_files_that_are_none(
    content: bytes, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "gate.toml"
    path.write_bytes(content)
    with pytest.raises(kind, match=words) as caught:
        read_assertions(path)
    assert str(caught.value).startswith(f"{path}: ")
