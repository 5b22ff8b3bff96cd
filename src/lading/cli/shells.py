"""The scripts that let a shell ask for completions, and where each shell looks for its own.

Each hands the line up to the cursor on and takes the answer line by line; none evaluates it. What
is not known is left to the shell: it offers files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lading.errors import InvalidInput, LocalFailure

# Readline breaks words at : and = (COMP_WORDBREAKS), so it is told where; bash 3.2 has no nosort.
_BASH: Final = r"""
_lading_completion() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        [ -z "$line" ] || COMPREPLY+=("$line")
    done < <(_LADING_COMPLETE=complete_bash _LADING_LINE="${COMP_LINE:0:COMP_POINT}" \
        _LADING_BREAKS="$COMP_WORDBREAKS" "$1" 2>/dev/null)
    compopt -o nosort 2>/dev/null || true
}
complete -o default -F _lading_completion lading
"""
_ZSH: Final = r"""
#compdef lading
_lading() {
    local line
    local -a found words_found shown
    found=("${(@f)$(_LADING_COMPLETE=complete_zsh \
        _LADING_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" "${(Q)words[1]}" 2>/dev/null)}")
    for line in "${found[@]}"; do
        [[ -n $line ]] || continue
        words_found+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
    done
    if (( $#words_found )); then
        compadd -l -V lading -d shown -- "${words_found[@]}"
    else
        _files
    fi
}
if [[ $funcstack[1] == _lading ]]; then _lading "$@"; else compdef _lading lading; fi
"""
_FISH: Final = r"""
function __lading_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -lx _LADING_COMPLETE complete_fish
    set -lx _LADING_LINE (commandline -cp | string join ' ')
    set -l found ($program 2>/dev/null | string match -r '.+')
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c lading -e
complete -c lading -f -k -a '(__lading_complete)'
"""
SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_COMPINIT: Final = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"


def script(shell: str) -> str:
    """The script of a shell.

    Raises:
        InvalidInput: there is none for it.
    """
    if shell not in SCRIPTS:
        raise InvalidInput(
            f"there is no completion for {shell[:40]!r}",
            hint=f"there is for {', '.join(SCRIPTS)}",
        )
    return SCRIPTS[shell].lstrip()


def calling() -> str:
    """The shell that this was called from.

    Raises:
        InvalidInput: that cannot be told.
    """
    # Comes with Typer, and looks at the processes above this one.
    import shellingham  # type: ignore[import-untyped]

    try:
        name, _ = shellingham.detect_shell()
    except shellingham.ShellDetectionFailure as error:
        raise InvalidInput(
            "which shell this is cannot be told",
            hint="_LADING_COMPLETE=source_bash lading prints the script (source_zsh, source_fish)",
        ) from error
    return str(name)


def install(shell: str, environment: Mapping[str, str]) -> Path:
    """Put the script where the shell finds it, and say where; done again it changes nothing.

    Raises:
        InvalidInput: there is none for this shell.
        LocalFailure: a file cannot be written.
    """
    text = script(shell)
    home = Path(environment.get("HOME") or Path.home())
    path, startup, line = _places(home, environment)[shell]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        if startup is not None:
            _add_line(startup, line)
    except (OSError, UnicodeDecodeError) as error:
        raise LocalFailure(
            f"cannot install completion for {shell}",
            cause=str(error),
            hint="lading --show-completion prints the script",
        ) from error
    return path


def _places(home: Path, environment: Mapping[str, str]) -> dict[str, tuple[Path, Path | None, str]]:
    """For each shell its script, the file it reads when it starts, and the line that goes there."""
    bash = home / ".bash_completions" / "lading.sh"
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    zdotdir = Path(environment.get("ZDOTDIR") or home)
    return {
        "bash": (bash, home / ".bashrc", "source ~/.bash_completions/lading.sh"),
        "zsh": (home / ".zfunc" / "_lading", zdotdir / ".zshrc", _COMPINIT),
        "fish": (config / "fish" / "completions" / "lading.fish", None, ""),
    }


def _add_line(startup: Path, line: str) -> None:
    """Add a line to a person's own file, which may be a link, and may lack its last newline."""
    before = startup.read_text("utf-8") if startup.exists() else ""
    if line in before.splitlines():
        return
    gap = "\n" if before and not before.endswith("\n") else ""
    with startup.open("a", encoding="utf-8") as file:
        file.write(f"{gap}{line}\n")
