"""The report of a build as a page for readers, with plots; its figures are counted in `figures.py`.

`build_report.json` holds what depends on nothing but the seed and the inputs. Of what the pipeline puts into
it these keys are rendered, and any may be missing:

    command, preset, seed, version    how the build was asked for
    wanted      {split: {category: problems}}
    candidates  {what: how many were tried}
    gates       {reason: candidates} or {category: {reason: candidates}}, with `accepted` for those that
                passed all gates
    rounds      [{what: figure}], one for each round of the build
    selection   {reason: certified problems that were left out}, for example near-duplicates
    skipped     {source: {reason: database files}}
    leakage     {what: shared between stages}
    variety     {what: figure}
    shortfall   {split: {category: problems}} that could not be made
    teacher     what a model that recorded trajectories took
    failed_jobs {job: reason}

`build_run.json` holds what the run took: any keys, rendered as they are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_builder import plots
from dataset_builder.figures import Facts
from dsl_debug.problem import CATEGORIES, DIFFICULTIES

ACCEPTED = "accepted"


# What the gates refused


def gate_counts(facts: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Category -> reason -> candidates, `accepted` among them; {} where the report has none."""
    gates = facts.get("gates")
    if not isinstance(gates, Mapping) or not gates:
        return {}
    if all(isinstance(n, int) for n in gates.values()):
        return {"all": dict(gates)}
    return {str(category): dict(found) for category, found in gates.items() if isinstance(found, Mapping)}


def reasons(gates: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The reasons that occur, by how often, `accepted` last."""
    total: Counter[str] = Counter()
    for found in gates.values():
        total.update(found)
    refused = sorted((r for r in total if r != ACCEPTED), key=lambda reason: (-total[reason], reason))
    return [*refused, *([ACCEPTED] if ACCEPTED in total else [])]


# Writing


def readable(facts: Facts, run: Mapping[str, Any], assets: Path) -> str:
    """The report as Markdown; its plots are drawn into `assets`.

    Raises ImportError, saying what to install, where matplotlib is missing.
    """
    sections = [
        "# Build report",
        _asked_for(facts),
        "## Rows",
        contents_table(facts["contents"]),
        _image(plots.problems(facts["contents"], assets / "problems.png"), "Problems by split and category"),
        *_gates(facts, assets),
        *_section("Tried", facts.get("candidates")),
        *_rounds(facts.get("rounds")),
        *_section("Left out after certification", facts.get("selection")),
        *_section("Databases that were skipped", facts.get("skipped")),
        *_section("Shared between stages", facts.get("leakage")),
        *_databases(facts, assets),
        *_section("Variety", facts.get("variety")),
        *_section("Wanted and not made", facts.get("shortfall")),
        *_turns(facts, assets),
        *_section("Teacher", facts.get("teacher")),
        *_agent_section(facts),
        *_section("Jobs that failed", facts.get("failed_jobs")),
        *_section("This run", run),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _asked_for(facts: Mapping[str, Any]) -> str:
    named = [f"{name} {facts[name]}" for name in ("preset", "seed", "version") if name in facts]
    command = f"`{facts['command']}`" if "command" in facts else ""
    return ": ".join(part for part in (command, ", ".join(named)) if part)


def _image(drawn: Path | None, title: str) -> str:
    return f"![{title}]({drawn.parent.name}/{drawn.name})" if drawn else ""


def _gates(facts: Facts, assets: Path) -> list[str]:
    gates = gate_counts(facts)
    if not gates:
        return []
    drawn = plots.gates(gates, reasons(gates), assets / "gates.png")
    return ["## Acceptance", gates_table(facts), _image(drawn, "Candidates by gate")]


def _databases(facts: Facts, assets: Path) -> list[str]:
    if not facts["databases"]:
        return []
    by_split: dict[tuple[str, str], int] = Counter((d["source"], d["split"]) for d in facts["databases"])
    rows = [(source, split, n) for (source, split), n in sorted(by_split.items())]
    drawn = plots.databases([d["problems"] for d in facts["databases"]], assets / "databases.png")
    table = markdown(("source", "split", "databases"), rows)
    return ["## Databases", table, _image(drawn, "Problems of each database, by category")]


def _turns(facts: Facts, assets: Path) -> list[str]:
    sft = facts["contents"].get("sft", {})
    turns = Counter[int]()
    for split in sft.values():
        turns.update({int(n): count for n, count in split["turns"].items()})
    if not turns:
        return []
    drawn = plots.turns(turns, assets / "turns.png")
    rows = [(n, turns[n], percent(turns[n], turns.total())) for n in sorted(turns)]
    table = markdown(("turns", "trajectories", "share"), rows)
    return ["## Expert trajectories", table, _image(drawn, "Turns of the expert trajectories")]


def _agent_section(facts: Facts) -> list[str]:
    return ["## Agents without a model, on the test split", agents_table(facts)] if facts["agents"] else []


def _rounds(rounds: Any) -> list[str]:
    """A table of the rounds in which the build asked for more problems."""
    if not isinstance(rounds, list) or not rounds:
        return []
    header = list(rounds[0])
    rows = [(number, *(found.get(name, "") for name in header)) for number, found in enumerate(rounds, 1)]
    return ["## Rounds", markdown(("round", *header), rows)]


def _section(title: str, value: Any) -> list[str]:
    """Nested figures as a table of two columns; nothing if there are none."""
    rows = list(_flat(value)) if isinstance(value, Mapping) else []
    return [f"## {title}", markdown(("what", "figure"), rows)] if rows else []


def _flat(value: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, Any]]:
    for name, inner in value.items():
        here = f"{path}{name}"
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{here}, ")
        elif isinstance(inner, Sequence) and not isinstance(inner, str):
            yield here, ", ".join(map(str, inner)) or "none"
        else:
            yield here, inner


# Tables that the card shows as well


def contents_table(contents: Mapping[str, Any]) -> str:
    """Rows of every config and split, by category and difficulty."""
    header = ("config", "split", "rows", *CATEGORIES, *DIFFICULTIES, "databases")
    rows = []
    for config, splits in contents.items():
        for split, found in splits.items():
            labels = [found.get("category", {}).get(name, "") for name in CATEGORIES]
            labels += [found.get("difficulty", {}).get(name, "") for name in DIFFICULTIES]
            rows.append((config, split, found["rows"], *labels, found.get("databases", "")))
    return markdown(header, rows)


def gates_table(facts: Mapping[str, Any]) -> str:
    """Candidates by gate and category; the share is that of all candidates."""
    gates = gate_counts(facts)
    total = sum(sum(found.values()) for found in gates.values())
    rows = []
    for reason in reasons(gates):
        found = [gates[category].get(reason, 0) for category in gates]
        rows.append((reason, *found, percent(sum(found), total)))
    return markdown(("gate", *gates, "share"), rows)


def agents_table(facts: Mapping[str, Any]) -> str:
    """What each policy earned: the published rule looks at the visible rows only."""
    rows = [
        (
            policy,
            found["episodes"],
            percent(found["robust"], found["episodes"]),
            percent(found["visible"], found["episodes"]),
            ", ".join(f"{name} {count}" for name, count in found["failure"].items()),
        )
        for policy, found in facts["agents"].items()
    ]
    return markdown(("policy", "episodes", "robust", "visible rows only", "failures"), rows)


def percent(count: int, total: int) -> str:
    """A share with one decimal."""
    return f"{100 * count / total:.1f}%" if total else "0.0%"


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in Markdown; columns of figures stand to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [
        all(_is_figure(row[i]) for row in cells) and any(row[i] for row in cells) for i in range(len(header))
    ]
    rule = ["---:" if figures else "---" for figures in right]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(header), rule, *cells])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        value = f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def _is_figure(text: str) -> bool:
    return not text or text.rstrip("%").replace(",", "").replace(".", "", 1).lstrip("-").isdigit()
