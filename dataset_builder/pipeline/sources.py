"""Where the databases of a build come from, and what identifies them: the catalog, or folders of files."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_builder import catalog
from dataset_builder.databases import Unusable, discover
from dataset_builder.model import CATALOG
from dataset_builder.pipeline.shards import Job
from dataset_builder.split import Described
from dsl_debug.files import safe_name
from dsl_debug.problem import Row

_CHUNK = 1 << 20


class NoSource(ValueError):
    """What was named as a source of databases is none."""


@dataclass(frozen=True, slots=True)
class Source:
    """The catalog (no folder), or a folder of SQLite files under a name that the rows carry."""

    name: str
    folder: Path | None = None


def parse_source(text: str) -> Source:
    """`catalog`, a path, or NAME=PATH; the name of a path is that of its last folder. Raises NoSource."""
    if text == CATALOG:
        return Source(CATALOG)
    name, equals, path = text.rpartition("=")
    if not equals or Path(text).exists():
        name, path = "", text
    folder = Path(path).resolve()
    if not folder.exists():
        raise NoSource(f"no folder of databases {path!r}")
    name = safe_name(name or folder.name)
    if name == CATALOG:
        raise NoSource(f"{path!r} needs another name than the catalog's: NAME={path}")
    return Source(name, folder)


def database_jobs(sources: Sequence[Source], variants: int, seed: int) -> list[Job]:
    """A job for every database there may be. Raises NoSource for a folder without a file."""
    specs: list[tuple[str, dict[str, Any]]] = []
    for source in sources:
        specs += _in_folder(source, source.folder) if source.folder else _in_catalog(variants, seed)
    return [Job(f"database-{n:05}-{name}", {**spec, "number": n}) for n, (name, spec) in enumerate(specs)]


def _in_catalog(variants: int, seed: int) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{family}-{variant}", {"do": "catalog", "family": family, "variant": variant, "seed": seed})
        for variant in range(variants)
        for family in catalog.family_names()
    ]


def _in_folder(source: Source, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        ids = [file.id for file in discover(folder)]
    except Unusable as error:
        raise NoSource(f"{folder}: {error.reason}") from None
    if not ids:
        raise NoSource(f"{folder} holds no SQLite files")
    fixed = {"do": "file", "source": source.name, "folder": str(folder)}
    return [(hashlib.sha256(id.encode()).hexdigest()[:8], {**fixed, "id": id}) for id in ids]


def fingerprint(source: Source) -> Row:
    """What tells a source from another one, whatever folder it lies in."""
    if source.folder is None:
        return {"source": source.name}
    found = hashlib.sha256()
    for file in discover(source.folder):
        found.update(f"{file.id}\0{file.keys}\0{file.links}\0".encode())
        found.update(_hash_of(file.path))
    return {"source": source.name, "files": found.hexdigest()}


def _hash_of(path: Path) -> bytes:
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    except OSError:  # it will be reported as unusable
        found.update(b"unreadable")
    return found.digest()


def usable(rows: Iterable[tuple[Job, list[Row]]]) -> tuple[list[Described], dict[str, dict[str, int]]]:
    """The databases that were read, each id once, and for every source how many were skipped for what."""
    described: dict[str, Described] = {}
    skipped: dict[str, Counter[str]] = {}
    for job, found in rows:
        reason = found[0].get("unusable", "")
        if not reason and found[0]["id"] in described:
            reason = "another database has its id"
        if reason:
            skipped.setdefault(job.spec.get("source", CATALOG), Counter())[reason] += 1
        else:
            described[found[0]["id"]] = Described(**found[0])
    return list(described.values()), {s: dict(sorted(reasons.items())) for s, reasons in skipped.items()}
