"""``resonate completion``: what a shell needs to complete commands, graphs, nodes, params, models.

The script that a shell reads calls ``resonate __complete WORD...`` with the words of the line, the
one that is being typed last. It prints a line for each candidate, with a tab and what it is before
its end; ``:files`` says that the names of files are meant, after an equals sign if there is one.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .._base.paths import expanded
from .help import TRACEBACK

if TYPE_CHECKING:  # to complete a word asks for little of the library: each line imports its own
    from .. import Catalog, NodeType

FILES = (":files", "")

#: A candidate, and what is said of it.
Candidate = tuple[str, str]

_BASH = """\
_resonate() {
    local words=() word count=0 i
    for ((i = 1; i <= COMP_CWORD; i++)); do  # readline splits words at = and :
        word=${COMP_WORDS[i]}
        if ((count)) && [[ $word == [=:]* || ${words[count - 1]} == *[=:] ]]; then
            words[count - 1]+=$word
        else
            words[count]=$word
            count=$((count + 1))
        fi
    done
    ((count)) || words=("")
    local current=${words[count ? count - 1 : 0]} line candidate shown
    COMPREPLY=()
    while IFS= read -r line; do
        candidate=${line%%$'\\t'*}
        if [[ $candidate == :files ]]; then
            while IFS= read -r shown; do COMPREPLY+=("$shown"); done \\
                < <(compgen -f -- "${current##*=}")
            type compopt >/dev/null 2>&1 && compopt -o filenames
        else
            [[ $candidate == *= || $candidate == *. ]] &&
                type compopt >/dev/null 2>&1 && compopt -o nospace
            if [[ $COMP_WORDBREAKS == *=* && $current == *=* ]]; then
                candidate=${candidate#"${current%%=*}="}
            fi
            COMPREPLY+=("$candidate")
        fi
    done < <(resonate __complete "${words[@]}" 2>/dev/null)
}
complete -F _resonate resonate
"""

_ZSH = """\
#compdef resonate
_resonate() {
    local line value
    local -a open open_said shut shut_said
    for line in "${(@f)$(resonate __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        value=${line%%$'\\t'*}
        if [[ $value == :files ]]; then
            [[ $PREFIX == *=* ]] && compset -P '*='
            _files
        elif [[ $value == *= || $value == *. ]]; then
            open+=("$value") open_said+=("${line/$'\\t'/  }")
        elif [[ -n $value ]]; then
            shut+=("$value") shut_said+=("${line/$'\\t'/  }")
        fi
    done
    (( $#open )) && compadd -S '' -l -d open_said -a open
    (( $#shut )) && compadd -l -d shut_said -a shut
}
if [[ $funcstack[1] == _resonate ]]; then _resonate "$@"; else compdef _resonate resonate; fi
"""

_FISH = """\
function __resonate_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (resonate __complete $words[2..-1] 2>/dev/null)
        if test "$line" = ":files"
            set -l before (string match -r '^.*=' -- (commandline -ct))
            for file in (__fish_complete_path (string replace -r '^.*=' '' -- (commandline -ct)))
                echo $before$file
            end
        else
            echo $line
        end
    end
end
complete -c resonate -f -a '(__resonate_complete)'
"""

_SCRIPTS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("completion")(completion)


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print what makes a shell complete commands, graphs, nodes, params and models.

    For bash: source <(resonate completion bash), in ~/.bashrc. For zsh the same, after compinit, in
    ~/.zshrc. For fish: resonate completion fish > ~/.config/fish/completions/resonate.fish
    """
    if shell not in _SCRIPTS:
        raise typer.BadParameter(f"no completion for {shell!r}; there is: {', '.join(_SCRIPTS)}")
    typer.echo(_SCRIPTS[shell], nl=False)


def complete(group: Any, words: Sequence[str]) -> list[Candidate]:
    """Return what may stand in place of the last of some words, with what is said of each.

    Args:
        group: the command ``resonate``.
        words: what follows ``resonate`` on the line; the last is being typed, and may be empty.
    """
    *before, current = words or [""]
    command, rest = group, list(before)
    while hasattr(command, "commands") and rest:
        name = rest.pop(0)
        if name in command.commands:
            command = command.commands[name]
        elif not name.startswith("-"):
            return []
    line = _Line.of(command, rest)
    if line.waiting is None and current.startswith("--") and "=" in current:
        option, _, current = current.partition("=")
        line.waiting = line.options.get(option)
        return [(f"{option}={one}" if one != FILES[0] else one, said)
                for one, said in line.candidates(current)]  # fmt: skip
    if line.waiting is None and current.startswith("-"):
        return _beginning(current, line.option_names())
    if line.waiting is None and hasattr(command, "commands"):
        return _beginning(current, list(command.summaries().items()))
    return line.candidates(current)


def print_completion(group: Any, words: Sequence[str]) -> None:
    """Print what `complete` returns; nothing where whatever is wrong."""
    with contextlib.suppress(Exception):
        for value, said in complete(group, words):
            typer.echo(f"{value}\t{said}" if said else value)


@dataclass
class _Line:
    """What stands on a line before the word that is being typed, sorted by the command's params.

    Attributes:
        options: the command's options, by what they are written as.
        given: what was given for each param, by its name.
        waiting: the param whose value comes next; None where there is none that must.
        open: the positional params that are still to come.
    """

    options: dict[str, Any]
    given: dict[str, list[str]]
    waiting: Any
    open: list[Any]

    @staticmethod
    def of(command: Any, words: Sequence[str]) -> _Line:
        options = {opt: one for one in command.params for opt in one.opts if opt.startswith("-")}
        places = [one for one in command.params if one.param_type_name == "argument"]
        line = _Line(options, {}, None, places)
        for word in words:
            if line.waiting is not None:
                line._take(line.waiting, word)
                line.waiting = None
            elif word.startswith("-") and len(word) > 1:
                option, equals, value = word.partition("=")
                param = options.get(option)
                if equals and param is not None:
                    line._take(param, value)
                elif param is not None and not param.is_flag:
                    line.waiting = param
            elif line.open:
                line._take(line.open[0], word)
                if line.open[0].nargs == 1:
                    line.open.pop(0)
        return line

    def _take(self, param: Any, word: str) -> None:
        self.given.setdefault(param.name, []).append(word)

    def option_names(self) -> list[Candidate]:
        """Return the options, the long way of writing each."""
        longest = {max(one.opts, key=len): (one.help or "").partition("\n")[0]
                   for one in self.options.values() if not one.hidden}  # fmt: skip
        return [*longest.items(), TRACEBACK, ("--help", "Show this message and exit.")]

    def candidates(self, current: str) -> list[Candidate]:
        """Return what the value that comes next may be."""
        param = self.waiting or (self.open[0] if self.open else None)
        if param is None:
            return []
        known = _KNOWN.get(param.name)
        return [FILES] if known is None else _beginning(current, known(self, current))

    def document(self) -> dict[str, Any]:
        """Return the graph that is named on the line; an empty one where it cannot be read."""
        from .. import stock_graphs

        name = next(iter(self.given.get("graph", ())), "")
        text = stock_graphs().get(name)
        try:
            found = json.loads(Path(name).read_text(encoding="utf-8") if text is None else text)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def catalog(self) -> Catalog:
        """Return the nodes there are, with those that the line names."""
        from .. import Catalog, ResonateError

        catalog = Catalog.installed()
        for module in self.given.get("nodes", []) + self.given.get("modules", []):
            with contextlib.suppress(ResonateError):
                catalog = catalog.with_module(module)
        return catalog


# -- what there is for each param ------------------------------------------------------------------


def _graphs(line: _Line, current: str) -> Iterator[Candidate]:
    from .. import stock_graphs

    for name, text in stock_graphs().items():
        yield name, str(json.loads(text).get("description", "")).partition(":")[0]
    if not any(name.startswith(current) for name in stock_graphs()) or not current:
        yield FILES


def _inputs(line: _Line, current: str) -> Iterator[Candidate]:
    specs = line.document().get("inputs", {})
    name, equals, _ = current.partition("=")
    if not equals:
        yield from ((f"{one}=", spec.get("description", "")) for one, spec in specs.items())
    elif specs.get(name, {}).get("type", "audio") == "audio":
        yield FILES


def _params(line: _Line, current: str) -> Iterator[Candidate]:
    document = line.document()
    specs, nodes = document.get("params", {}), document.get("nodes", {})
    name, equals, _ = current.partition("=")
    if equals:
        values = dict.fromkeys([*_scalars(specs.get(name, {})), *_values(line, document, name)])
        yield from ((f"{name}={value}", "") for value in values)
        return
    node, dot, _ = name.partition(".")
    if not dot:
        yield from ((f"{one}=", spec.get("description", "")) for one, spec in specs.items())
        yield from ((f"{one}.", str(spec.get("type", ""))) for one, spec in nodes.items())
    elif (found := _type_of(line, nodes.get(node, {}))) is not None:
        fields = found.params.model_fields
        yield from ((f"{node}.{one}=", field.description or "") for one, field in fields.items())


def _values(line: _Line, document: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the values of a param that the node which has it in the end is known to take."""
    nodes = document.get("nodes", {})
    node, dot, own = name.partition(".")
    places = [(node, own)] if dot else [
        (one, param)
        for one, spec in nodes.items()
        for param, value in spec.get("params", {}).items()
        if value == {"$param": name}
    ]  # fmt: skip
    for one, param in places:
        found = _type_of(line, nodes.get(one, {}))
        schema = found.params.model_json_schema() if found else {}
        yield from _scalars(schema.get("properties", {}).get(param, {}))
        if param == "model":
            yield from _models(line)


def _models(line: _Line) -> Iterator[str]:
    """Yield the models in the folders that the line and the environment name."""
    places = [*line.given.get("models", ()), os.environ.get("RESONATE_MODELS", "")]
    for place in filter(None, places):
        for path in sorted(expanded(place).iterdir()):
            if path.suffix in (".yaml", ".safetensors"):
                yield path.stem
            elif path.suffix == ".th":
                yield path.stem.rpartition("-")[0] or path.stem


def _scalars(spec: Mapping[str, Any]) -> Iterator[str]:
    values = [*spec.get("enum", ()), *spec.get("examples", ())]
    values += [True, False] if spec.get("type") == "boolean" else []
    values += [spec["default"]] if spec.get("default") is not None else []
    for value in values:
        if isinstance(value, (str, int, float)):
            yield value if isinstance(value, str) else json.dumps(value)


def _type_of(line: _Line, spec: Mapping[str, Any]) -> NodeType | None:
    from .. import ResonateError

    with contextlib.suppress(ResonateError):
        return line.catalog().get(str(spec.get("type", "")))
    return None


def _outputs(line: _Line, current: str) -> Iterator[Candidate]:
    yield from ((one, "") for one in line.document().get("outputs", {}))


def _nodes_of_graph(line: _Line, current: str) -> Iterator[Candidate]:
    nodes = line.document().get("nodes", {})
    yield from ((one, str(spec.get("type", ""))) for one, spec in nodes.items())


def _types(line: _Line, current: str) -> Iterator[Candidate]:
    from .listing import installed, made

    modules = line.given.get("modules")
    listing = made(line.catalog()) if modules else installed()
    yield from ((one.id, one.summary) for one in listing.nodes)


def _keys(line: _Line, current: str) -> Iterator[Candidate]:
    from .. import default_store

    store = default_store()
    for record in store.records():
        if record.origin is not None:
            yield record.key[:12], f"{record.origin.graph}/{record.origin.node}"


def _devices(line: _Line, current: str) -> Iterator[Candidate]:
    yield from ((one, "") for one in ("auto", "cpu", "cuda", "mps"))


def _shells(line: _Line, current: str) -> Iterator[Candidate]:
    yield from ((one, "") for one in _SCRIPTS)


def _codes(line: _Line, current: str) -> Iterator[Candidate]:
    from .codes import explanations

    yield from ((code, one.summary) for code, one in explanations().items())


def _formats(line: _Line, current: str) -> Iterator[Candidate]:
    from .diagnostics import FORMATS

    yield from ((name, "") for name in ("json", *FORMATS))


def _nothing(line: _Line, current: str) -> Iterator[Candidate]:
    yield from ()


#: Where candidates come from, by the names of params; all others are files.
_KNOWN: Mapping[str, Callable[[_Line, str], Iterator[Candidate]]] = {
    "codes": _codes, "form": _formats, "graph": _graphs,
    "inputs": _inputs, "params": _params, "only": _outputs, "pictures": _outputs,
    "node": _nodes_of_graph, "type_id": _types, "keys": _keys, "device": _devices,
    "shell": _shells,
    **dict.fromkeys(("threads", "jobs", "warn_minutes", "max_minutes", "limit"), _nothing),
}  # fmt: skip


def _beginning(current: str, known: Sequence[Candidate] | Iterator[Candidate]) -> list[Candidate]:
    found = [one for one in known if one == FILES or one[0].startswith(current)]
    return [(value, " ".join(said.replace("``", "").split())) for value, said in found]
