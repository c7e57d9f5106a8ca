"""Whether the words of commands exist, for those that the tests do not run."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache

from tests.conftest import ROOT
from vader_rt.cli.parser import parsed, parsers, with_command

_PACKAGES = ("bench", "calib", "export", "tests/campaigns", "tools", "train", "runtime/vader_rt")
_OPTION = re.compile(r"--[a-z][a-z0-9_-]+")
_SAID = re.compile(r"""["'](--[a-z][a-z0-9-]+)["']""")
_SWITCHES = {"--no-restore"}
"""Options of `argparse.BooleanOptionalAction` in their other form."""
_LIGHTNING = {"--config", "--ckpt_path"}
"""Options of Lightning's command line, which `train.fit` is."""


def problem(line: str) -> str:
    """What is wrong with a line that is typed into a shell; "" if nothing is known to be."""
    found = [_problem(words) for words in simple_commands(line)]
    return "; ".join(filter(None, found))


def unknown_words(span: str) -> list[str]:
    """What `vader-rt` does not know in a command that need not be whole."""
    command, *words = with_command(span.split()[1:] or ["--help"])
    if command not in parsers()[1]:
        return [command] if command not in ("COMMAND", "--help", "--version") else []
    known = _OPTION.findall(parsers()[1][command].format_help())
    return [word for text in words for word in _OPTION.findall(text) if word not in known]


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a line with pipes, `&&` and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            if words:
                yield words
            words = []
        else:
            words.append(word)


def _problem(words: list[str]) -> str:
    program, *rest = words
    if program == "vader-rt":
        return _of_vader_rt(rest)
    if program in ("python", "python3") and rest[:1] == ["-m"]:
        return _of_module(rest[1], rest[2:])
    if program == "make":
        return "; ".join(f"no target {t}" for t in rest if t not in _targets())
    files = [word for word in rest if re.fullmatch(r"docker/[\w.]+", word)]
    return "; ".join(f"{file} is not there" for file in files if not (ROOT / file).is_file())


def _of_vader_rt(words: list[str]) -> str:
    if {"-h", "--help", "--version"} & set(words):
        words = [word for word in words if word not in ("-h", "--help", "--version")]
        return "" if not words or words[0] in parsers()[1] else f"no command {words[0]}"
    try:
        parsed(with_command(words))
    except SystemExit:
        return f"`vader-rt {shlex.join(words)}` is refused"
    return ""


def _of_module(module: str, words: list[str]) -> str:
    if module in sys.stdlib_module_names:
        return ""
    if not _is_ours(module):
        return f"no module {module}"
    known = options_of(module.partition(".")[0]) | options_of("runtime/vader_rt")
    known |= _LIGHTNING if module == "train.fit" else set()
    own = [word.partition("=")[0] for word in words if word.startswith("--")]
    keys = [word for word in own if "." in word]  # of a configuration, which its own test runs
    return "; ".join(
        f"{module} has no {word}" for word in own if word not in known and word not in keys
    )


def _is_ours(module: str) -> bool:
    path = module.replace(".", "/")
    ends = (f"{path}.py", f"{path}/__main__.py")
    return any((root / end).is_file() for root in (ROOT, ROOT / "runtime") for end in ends)


@cache
def options_of(package: str) -> set[str]:
    """The options that the sources of a package name."""
    files = (ROOT / package).rglob("*.py")
    return {option for file in files for option in _SAID.findall(file.read_text())}


def unknown_options(text: str) -> list[str]:
    """Options that no program of this project knows."""
    known = (_SWITCHES | _LIGHTNING).union(*map(options_of, _PACKAGES))
    return [option for option in _OPTION.findall(text) if option not in known]


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
