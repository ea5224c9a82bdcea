"""Publishes the Space: `python -m space publish --repo USER/dsl-debug-space`.

What goes there is the app, its sample and the whole package: the modules that an app may come to import
cannot all be found by reading it (some are named in tables, some are started as programs), and a clone of the
Space is then a package that works. What it needs from others is checked against `requirements.txt`.

Not published: tests, docs, the builder, caches, hidden files. A file of a kind that sources do not have stops
it all. What is not guarded against: a private text among the sources that is called like one of them.
"""

import argparse
import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

from dsl_debug.evaluation import code_name, code_revision
from dsl_debug.hub import (
    Content,
    NotPublished,
    Publication,
    check_name,
    publish_told,
    set_variable,
    source_files,
)
from space.library import VARIABLE

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("dsl_debug", "space")
FILES = ("LICENSE", "app.py", "packages.txt", "requirements.txt")
CARD = "README.md"
HERE_ONLY = ("space/publish.py",)
"""Needs the rest of the repository."""

LANDMARK = "space/launch.py"
"""What every Space of ours holds, and no other one is likely to."""

SDK = "gradio"
LONGEST_DESCRIPTION = 60

NOT_PINNED = {
    "click": "of the command line, which a Space does not run",
    "rich": "of the command line, which a Space does not run",
    "httpx2": "openai and huggingface_hub bring the version that they work with",
    "pyarrow": "datasets brings the version that it works with",
}
"""What the files import and `requirements.txt` need not name, each with the reason."""

Place = tuple[str, int]
"""A file and a line of it."""


def publish_space(options: argparse.Namespace) -> None:
    """Carry out the command. Raises NotPublished, with a line for each thing that is wrong."""
    asked = Publication(
        files_of(ROOT),
        options.repo,
        "space",
        f"Publish the app of {code_name(code_revision())}",
        is_ours=is_ours,
        landmark=LANDMARK,
        private=options.private,
        revision=options.revision,
        space_sdk=SDK,
    )
    if options.dataset:
        check_name(options.dataset)
    if faults := faults_of(asked.files):
        raise NotPublished("\n".join(faults))
    if publish_told(asked, dry_run=options.dry_run) and options.dataset:
        set_variable(options.repo, VARIABLE, options.dataset)
        print(f"it shows {options.dataset}")


# What is published


def files_of(root: Path) -> dict[str, Content]:
    """All files of the Space, by their path in it. Raises NotPublished where it cannot be put together."""
    found: dict[str, Content] = {CARD: _card()}
    for name in FILES:
        if not (root / name).is_file():
            raise NotPublished(f"there is no {name}: publishing needs the whole repository")
        found[name] = root / name
    for folder in FOLDERS:
        found.update(source_files(root, folder))
    return {path: content for path, content in found.items() if path not in HERE_ONLY}


def is_ours(path: str) -> bool:
    """Whether a file of this path may be of an earlier publication."""
    return path in (CARD, *FILES) or path.startswith(tuple(f"{folder}/" for folder in FOLDERS))


def _card() -> bytes:
    from model_cards.render import space_card

    try:
        return space_card().encode()
    except (OSError, ValueError) as error:
        raise NotPublished(f"the card of the Space cannot be made: {error}") from None


# What has to hold before it is sent


def faults_of(files: Mapping[str, Content]) -> list[str]:
    """What keeps these files from running as a Space, a line each; [] if nothing does."""
    pins, faults = _pins(_text(files["requirements.txt"]))
    faults += _unmet(_imports(files), pins)
    return faults + _card_faults(files, pins)


def _pins(requirements: str) -> tuple[dict[str, str], list[str]]:
    """Distribution -> version that is asked for, and what is wrong with the lines."""
    from packaging.requirements import InvalidRequirement, Requirement

    pins, faults = {}, []
    for number, line in enumerate(requirements.splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            asked = Requirement(text)
        except InvalidRequirement:
            faults.append(f"requirements.txt, line {number}: {text!r} is no requirement")
            continue
        versions = [s.version for s in asked.specifier if s.operator == "==" and "*" not in s.version]
        if len(versions) != 1 or len(asked.specifier) != 1:
            faults.append(f"requirements.txt, line {number}: {text} is not pinned: give name==version")
        pins[_canonical(asked.name)] = "".join(versions)
    return pins, faults


def _unmet(imports: Mapping[str, Place], pins: Collection[str]) -> list[str]:
    """What is imported and not asked for, and what is asked for and not imported."""
    known = packages_distributions()
    bringing = {
        module: {_canonical(name) for name in known.get(module, [module])}
        for module in imports
        if module not in NOT_PINNED
    }
    missing = [
        f"requirements.txt lacks {' or '.join(sorted(names))}, which {file}, line {line} imports: add it,"
        " pinned"
        for module, names in bringing.items()
        if not names & set(pins)
        for file, line in [imports[module]]
    ]
    needed = set().union(*bringing.values())
    return missing + [
        f"requirements.txt asks for {name}, which nothing imports: take it out"
        for name in pins
        if name not in needed
    ]


def _imports(files: Mapping[str, Content]) -> dict[str, Place]:
    """The modules of others that the programs import, at any depth, each with the first place."""
    ours = {path.partition("/")[0].removesuffix(".py") for path in files}
    found: dict[str, Place] = {}
    for path, content in sorted(files.items()):
        if path.endswith(".py"):
            for line, name in _imported(_text(content)):
                module = name.partition(".")[0]
                if module not in ours and module not in sys.stdlib_module_names:
                    found.setdefault(module, (path, line))
    return found


def _imported(program: str) -> Iterator[tuple[int, str]]:
    """(line, module) of every import statement, and of every call of `import_module` that names one."""
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named = [part.value for part in node.args[:1] if isinstance(part, ast.Constant)]
            yield from ((node.lineno, str(name)) for name in named)


def _card_faults(files: Mapping[str, Content], pins: Mapping[str, str]) -> list[str]:
    """What the Hub would not take in the front matter, or would run otherwise than it was tried here."""
    from huggingface_hub import SpaceCard
    from yaml import YAMLError

    unreadable = f"{CARD} has no front matter that the Hub could read"
    try:
        facts = SpaceCard(_text(files[CARD])).data
    except (ValueError, YAMLError) as error:
        return [f"{unreadable}: {' '.join(str(error).split())}"]
    sdk, version, pin = facts.get("sdk"), facts.get("sdk_version"), pins.get(SDK)
    if sdk is None:
        return [unreadable]
    described = str(facts.get("short_description", ""))
    checks = {
        f"the sdk is {sdk}, and it has to be {SDK}": sdk == SDK,
        f"its sdk_version {version} is not the {SDK}=={pin} of requirements.txt": version == pin,
        f"its app_file {facts.get('app_file')} is not published": facts.get("app_file") in files,
        f"its short_description has {len(described)} characters, and the Hub takes {LONGEST_DESCRIPTION}": (
            len(described) <= LONGEST_DESCRIPTION
        ),
    }
    return [f"{CARD}: {fault}" for fault, holds in checks.items() if not holds]


def _text(content: Content) -> str:
    return content.decode() if isinstance(content, bytes) else content.read_text(encoding="utf-8")


def _canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)
