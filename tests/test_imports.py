"""Who may import whom, and that the core needs nothing but Python."""

import ast
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "dsl_debug"

# Each part of the package, and the parts that it may import. A part is a folder or a file beside __init__.py.
LANG = {"lang"}
EPISODE = {"lang", "problem", "sandbox", "scoring", "episode"}
AGENTS = EPISODE | {"agents"}
EVALUATION = AGENTS | {"diagnosis", "policies", "results", "storage", PACKAGE}
PARTS: dict[str, set[str]] = {
    "lang": set(),
    "sandbox": set(),
    "scoring": set(),
    "problem": LANG,
    "files": LANG,
    "data": LANG | {"files", "problem"},
    "hub": set(),
    "processes": set(),
    "storage": set(),
    "episode": EPISODE,
    "sessions": EPISODE,
    "visitors": EPISODE,
    "agents": EPISODE,
    "diagnosis": EPISODE,
    "replay": EPISODE | {"results"},
    "policies": AGENTS | {"diagnosis", "processes", "storage"},
    "results": EPISODE | {"storage"},
    "evaluation": EVALUATION,
    "rescoring": EVALUATION | {"evaluation"},
    "cli": EVALUATION | {"files", "data", "evaluation", "replay", "rescoring", PACKAGE},
    "__init__": AGENTS | {"evaluation"},
    "__main__": {"cli"},
}

# Each folder and file at the top of the repository that holds Python, and the others that it may import.
TOP: dict[str, set[str]] = {
    PACKAGE: set(),
    "dataset_builder": {PACKAGE, "model_cards"},
    "space": {PACKAGE, "model_cards"},
    "servers": {PACKAGE},
    "metrics": {PACKAGE, "model_cards"},
    "recipes": {PACKAGE, "model_cards"},
    "benchmarks": {PACKAGE, "dataset_builder"},
    "model_cards": {PACKAGE},
    "app": {"space"},
    "tests": {
        PACKAGE,
        "dataset_builder",
        "space",
        "servers",
        "metrics",
        "recipes",
        "benchmarks",
        "model_cards",
        "app",
    },
}

# Parts of the package that may need an extra as soon as they are imported.
NOT_CORE = {"cli", "__main__"}


def python_files(folder: Path) -> list[Path]:
    """The Python files below `folder`, leaving out hidden folders and what a build leaves behind."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in ("build", "dist"))
        found += [Path(place, file) for file in sorted(files) if file.endswith(".py")]
    return found


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to."""
    return path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py")


def top_of(path: Path) -> str:
    """The folder or file at the top of the repository that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of all that a file imports, at any depth; `from a import b` gives `a.b`."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def imported_part(name: str) -> str | None:
    """The part of the package that a dotted name stands for; the package itself for its public names."""
    head, *rest = name.split(".")
    if head != PACKAGE:
        return None
    first = rest[0] if rest else ""
    is_part = (ROOT / PACKAGE / first).is_dir() or (ROOT / PACKAGE / f"{first}.py").is_file()
    return first if first and is_part else PACKAGE


ALL_FILES = python_files(ROOT)
PACKAGE_FILES = python_files(ROOT / PACKAGE)
CORE_MODULES = [module_name(path) for path in PACKAGE_FILES if part_of(path) not in NOT_CORE]


def test_every_part_of_the_package_has_a_rule() -> None:
    missing = sorted({part_of(path) for path in PACKAGE_FILES} - PARTS.keys())
    assert not missing, (
        f"add {missing} to PARTS in tests/test_imports.py, with the parts that each may import"
    )


def test_every_top_level_folder_has_a_rule() -> None:
    missing = sorted({top_of(path) for path in ALL_FILES} - TOP.keys())
    assert not missing, (
        f"add {missing} to TOP in tests/test_imports.py, with the folders that each may import"
    )


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=module_name)
def test_parts_import_only_what_stands_below_them(path: Path) -> None:
    part = part_of(path)
    allowed = PARTS.get(part, set()) | {part}
    wrong = [
        f"line {line} imports {name}"
        for line, name in imported(path)
        if (imported_part(name) or part) not in allowed
    ]
    assert not wrong, f"{path.relative_to(ROOT)}: {'; '.join(wrong)}; '{part}' may import {sorted(allowed)}"


@pytest.mark.parametrize("top", sorted({top_of(path) for path in ALL_FILES}))
def test_folders_import_only_what_stands_below_them(top: str) -> None:
    ours = {top_of(path) for path in ALL_FILES}
    forbidden = ours - TOP.get(top, set()) - {top}
    wrong = [
        f"{path.relative_to(ROOT)}, line {line} imports {name}"
        for path in ALL_FILES
        if top_of(path) == top
        for line, name in imported(path)
        if name.split(".")[0] in forbidden
    ]
    assert not wrong, f"{'; '.join(wrong)}; '{top}' may import {sorted(TOP.get(top, set()))}"


HANDLERS_AND_VIEWS = [
    path for path in ALL_FILES if path.parent in (ROOT / "space" / "handlers", ROOT / "space" / "views")
]


@pytest.mark.parametrize("path", HANDLERS_AND_VIEWS, ids=module_name)
def test_what_the_space_does_and_shows_knows_nothing_of_gradio(path: Path) -> None:
    wrong = [f"line {line} imports {name}" for line, name in imported(path) if name.split(".")[0] == "gradio"]
    assert not wrong, f"{path.relative_to(ROOT)}: {'; '.join(wrong)}; only space/ui wires components"


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` in a Python that starts without site-packages and finds the repository."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-S", "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_the_package_imports_without_site_packages(tmp_path: Path) -> None:
    result = python(f"import {PACKAGE}", tmp_path)
    assert result.returncode == 0, result.stderr


# Prints the modules that came neither from Python itself nor from the package. They could be imported: the
# folder of installed packages is added first, so that "import it if it is there" is found out as well.
LIST_STRANGERS = """
import importlib, sys
sys.path.append({packages!r})
importlib.import_module({module!r})
for name in sorted(sys.modules):
    # multiprocessing gives the main module a second name.
    if name.partition(".")[0] not in {{*sys.stdlib_module_names, "__main__", "__mp_main__", {package!r}}}:
        print(name)
"""


@pytest.mark.parametrize("module", CORE_MODULES)
def test_core_modules_load_the_standard_library_only(module: str, tmp_path: Path) -> None:
    packages = sysconfig.get_paths()["purelib"]
    result = python(LIST_STRANGERS.format(packages=packages, module=module, package=PACKAGE), tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [], (
        f"import what is optional inside the function that needs it, not in {module}"
    )


# The one call that runs a text: candidates, in the process of the sandbox that was made for them.
EXECUTED = {"dsl_debug.sandbox.child": ["exec"]}


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=module_name)
def test_nothing_is_evaluated_from_text(path: Path) -> None:
    found = []
    allowed = list(EXECUTED.get(module_name(path), ()))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) if name in allowed:
                allowed.remove(name)
            case ast.Name(id="eval" | "exec"):
                found.append(f"line {node.lineno}: {node.id}")
            case ast.Attribute(value=ast.Name(id="builtins" | "__builtins__"), attr="eval" | "exec"):
                found.append(f"line {node.lineno}: builtins.{node.attr}")
    assert not found, f"{path.relative_to(ROOT)} uses {'; '.join(found)}"
