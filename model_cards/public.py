"""What may be shown to everybody of what a machine wrote down: no secrets, and no places of that machine.

A record of a training run holds every argument that it was given, and with them folders, names of runs,
addresses and maybe a token. Arguments that are about a machine or an account are left out by name; whatever
else is a text is looked at: one that looks like a secret or holds an address with a password is left out, a
path is cut as result files cut it (`public_name`).

It cannot know a secret that looks like a word, nor a name of a person in a text of their own.
"""

import re
from collections.abc import Mapping
from typing import Any

from dsl_debug.results.rows import public_name

LEFT_OUT = "(left out)"
"""What stands in place of a text that may not be shown."""

_OF_A_MACHINE = re.compile(
    r"(^|_)(dir|dirs|token|key|secret|password|credentials|url|uri|host|hostname|port|user|username|home"
    r"|hub|project|entity|workspace|logging|log|report|run|resume|space)(_|$)|local_rank"
)
# The pattern would take these, and they are about training.
_OF_TRAINING = {"eos_token", "pad_token"}
_SECRET = re.compile(
    r"\b(hf_\w{6,}|api_org_\w{6,}|sk-[\w-]{12,}|gh[pousr]_\w{12,}|github_pat_\w{12,}|glpat-[\w-]{12,}"
    r"|AKIA\w{12,}|xox[abprs]-[\w-]{10,}|eyJ[\w-]{10,}\.[\w-]{10,})|://[^/\s@]+@|-----BEGIN "
)
# A path from a root, a home or a disk, anywhere in a text.
_PATH = re.compile(
    r"""file:/|(^|[\s=:,;'"(\[])(~[\w.-]*[/\\]|/[\w.@+-]+/|/(home|root|Users|tmp)\b|[A-Za-z]:[/\\])"""
)
# The folder of a person: its name is theirs.
_HOME = re.compile(r"(?<![\w.-])(/(home|Users)/[^/\s]+|/root|[A-Za-z]:\\Users\\[^\\\s]+|~[\w.-]*)(?=[/\\]|$)")


def public_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a training run that anybody may see, in their order; nulls are left out."""
    kept = {name: public_value(value) for name, value in arguments.items() if not is_of_a_machine(name)}
    return {name: value for name, value in kept.items() if value is not None and value != LEFT_OUT}


def is_of_a_machine(name: str) -> bool:
    """Whether an argument of this name is about a machine or an account, and not about training."""
    return name not in _OF_TRAINING and _OF_A_MACHINE.search(name.lower()) is not None


def public_value(value: Any) -> Any:
    """A JSON value with every text in it as `public_text` has it; keys of a machine are left out."""
    if isinstance(value, str):
        return public_text(value)
    if isinstance(value, Mapping):
        return {public_text(str(k)): public_value(v) for k, v in value.items() if not is_of_a_machine(str(k))}
    if isinstance(value, list | tuple):
        return [public_value(item) for item in value]
    return value


def public_text(text: str) -> str:
    """A text that anybody may see: a path is cut to its last part, what looks like a secret is left out."""
    if _SECRET.search(text):
        return LEFT_OUT
    homeless = _HOME.sub("", text)
    shown = public_name(homeless)
    is_whole_path = shown != homeless
    if (text and not shown) or (_PATH.search(text) and not is_whole_path) or "file:" in shown:
        return LEFT_OUT
    return shown
