"""`vader-rt completion`: what a shell needs to complete our commands, options and file names."""

from __future__ import annotations

import argparse
from pathlib import Path

from vader_rt.cli.interrupts import Interrupts
from vader_rt.cli.streams import give

HELP = "print a script that lets a shell complete commands, options and file names"
INTERRUPTED = "interrupted"
EPILOG = """\
examples:
  vader-rt completion bash > ~/.local/share/bash-completion/completions/vader-rt
  vader-rt completion zsh > "${fpath[1]}/_vader-rt"
"""
_SHELLS = ("bash", "zsh", "tcsh")
_FOLDERS = ("DIR", "OUT")  # what options call a folder
# The word `run` may be left out: what shtab knows of the first word is completed, and what it knows
# of `run`. Where nothing fits, bash completes as it does for other programs. Its functions for
# files are ours: shtab's know no quoted spaces.
_BASH = """
_vader_rt_files() { compgen -f -- "$1"; }
_vader_rt_dirs() { compgen -d -- "$1"; }

_vader_rt() {
  local found=() is_said=0
  [[ " COMMANDS " == *" ${COMP_WORDS[1]} "* ]] && is_said=1
  if (( COMP_CWORD == 1 || is_said )); then
    _shtab_vader_rt "$@"
    found=("${COMPREPLY[@]}")
  fi
  if (( COMP_CWORD == 1 || ! is_said )); then
    COMP_WORDS=("${COMP_WORDS[0]}" run "${COMP_WORDS[@]:1}")
    (( COMP_CWORD += 1 ))
    _shtab_vader_rt "$@"
    COMPREPLY+=("${found[@]}")
  fi
}

complete -o bashdefault -o default -o filenames -F _vader_rt vader-rt
"""
_ZSH = """
functions[_vader_rt_said]=$functions[_shtab_vader_rt]

_shtab_vader_rt() {
  local commands=(COMMANDS) found=1
  local is_said=$(( ${commands[(Ie)$words[2]]} > 0 ))
  if (( CURRENT == 2 || is_said )); then
    _vader_rt_said "$@" && found=0
  fi
  if (( CURRENT == 2 || ! is_said )); then
    words=("$words[1]" run "${(@)words[2,-1]}")
    (( CURRENT += 1 ))
    _vader_rt_said "$@" && found=0
  fi
  return found
}
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the command understands."""
    parser.add_argument("shell", choices=_SHELLS)


def job(args: argparse.Namespace, interrupts: Interrupts) -> int:
    """Print the script."""
    with interrupts.held():
        script = _script(args.parser, args.shell)
    give(script.rstrip("\n"))
    return 0


def _script(parser: argparse.ArgumentParser, shell: str) -> str:
    import shtab

    _tell_of_files(parser)
    commands = " ".join(_commands(parser))
    before = _ZSH.replace("COMMANDS", commands) if shell == "zsh" else ""
    after = _BASH.replace("COMMANDS", commands) if shell == "bash" else ""
    script = shtab.complete(parser, shell, preamble=before) + after
    # zsh takes what shtab writes of arguments that may be several for one
    return script.replace('"(*):', '"*:') if shell == "zsh" else script


def _tell_of_files(parser: argparse.ArgumentParser) -> None:
    """Let shtab know what arguments of the commands are files, and what are folders."""
    import shtab

    files = shtab.FILE | {"bash": "_vader_rt_files"}
    folders = shtab.DIRECTORY | {"bash": "_vader_rt_dirs"}
    for of_command in _commands(parser).values():
        for action in filter(_is_path, of_command._actions):
            is_folder = action.metavar in _FOLDERS
            action.complete = folders if is_folder else files  # type: ignore[attr-defined]


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser, and the parser of each."""
    of_commands = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return {name: each for action in of_commands for name, each in action.choices.items()}


def _is_path(action: argparse.Action) -> bool:
    """Whether it takes files: those that are read may be addresses, which are texts."""
    return action.type is Path or not (action.option_strings or action.choices)
