"""The dataset card: text from a template, and every figure from the report of the build."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dataset_builder.report import ACCEPTED, agents_table, contents_table, gate_counts, gates_table
from model_cards.filling import fill
from model_cards.provenance import PROVENANCE, SPIDER, SPIDER_CITATION, UNKNOWN, licence_of

REPOSITORY = "path/to/this/folder"


_SPIDER_CITATION = f"If you use the problems over Spider's databases, cite:\n\n{SPIDER_CITATION}"

_PUBLISHED_EMITTER = "39%"
"""Share of the published test problems on which a constant emitter earned the full, published reward."""

_ABOUT = {
    "problems": "`problems` holds all three categories; the configs named after them hold the same rows.",
    "dialect_shift": "`dialect_shift` is written in dialects: each program's words are replaced by others "
    "that only `read_docs` explains. Its problems are problems of the test split, printed again.",
    "sft": "`sft` holds expert trajectories, recorded in real episodes on the problems of `sft_problems`, "
    "which are in no other split.",
    "arena": "`arena` is another task: Python functions with one mistake each, and tests.",
    "traces": "`traces` holds episodes that agents without a model played on the test split.",
}
_COLUMNS = {
    "sft": "`sft`: `messages` (with structured `tool_calls`), `tools` (their schemas), `problem_id`, "
    "`teacher`, `category`, `difficulty`, `turns`.",
    "traces": "`traces`: `problem_id`, the labels of the problem and its number of `hidden` suites; "
    "`policy`, `prompt` (the system prompt), `sample` and `seed` of the episode; its `messages`; what came "
    "of it: `submitted`, `error`, "
    "`visible_match`, `hidden_matches`, `row_share` (of right rows), `unchanged`, `robust`, `failure`, "
    "`reward`, `stopped` (empty: played to the end), `turns`, `calls` (of each tool); `diagnosis` (tables of "
    "the mistakes, whether one was inspected, turns of the first right programs). Null here, as they are of "
    "the arena or to evaluations: `run`, `tokens`, `prompt_tokens`, `passed`, `improved`, `well_formed`, "
    "`tampering`, `signals`, `seconds`.",
    "arena": "`arena`: `function`, `description`, `tests` and `hidden_tests` in place of tables, `family` "
    "in place of `database`; `dsl_debug.problem.PythonProblem.from_row` reads a row.",
}


def card(facts: Mapping[str, Any], files: Mapping[str, Sequence[str]]) -> str:
    """The text of the card. `files`: config -> its splits, the default config first."""
    contents = facts["contents"]
    sources = sources_of(contents)
    text = fill(
        "dataset",
        licence=licence_of(sources),
        size=size_category(sum(split["rows"] for splits in contents.values() for split in splits.values())),
        configs="\n".join(_config(name, splits, name == next(iter(files))) for name, splits in files.items()),
        loading="\n".join(_loading(name, splits) for name, splits in files.items()),
        repository=REPOSITORY,
        first_split=next(iter(files.values()), ("test",))[0],
        contents=contents_table(contents),
        split_notes="\n".join(f"- {text}" for name, text in _ABOUT.items() if name in files),
        more_columns="\n\n".join(text for name, text in _COLUMNS.items() if name in files),
        gates=_gates(facts),
        agents=_agents(facts),
        sources="\n".join(_source(source, count) for source, count in sources.items()),
        citation=_SPIDER_CITATION if SPIDER in sources else "",
        command=facts.get("command", "python -m dataset_builder build"),
    )
    return re.sub(r"\n{3,}", "\n\n", text)  # where a part is left out


def sources_of(contents: Mapping[str, Any]) -> dict[str, int]:
    """Source -> problems over its databases, by source."""
    found: dict[str, int] = {}
    for config in ("problems", "sft_problems"):
        for split in contents.get(config, {}).values():
            for source, count in split["source"].items():
                found[source] = found.get(source, 0) + count
    return dict(sorted(found.items()))


def size_category(rows: int) -> str:
    """How many rows there are, in the words of the Hub."""
    sizes = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
    return next((name for limit, name in sizes if rows < limit), "100K<n<1M")


def _config(name: str, splits: Sequence[str], default: bool) -> str:
    lines = [f"- config_name: {name}", *(["  default: true"] if default else []), "  data_files:"]
    for split in splits:
        lines += [f"  - split: {split}", f"    path: data/{name}/{split}-*.parquet"]
    return "\n".join(lines)


def _loading(name: str, splits: Sequence[str]) -> str:
    return f'load_dataset("{REPOSITORY}", "{name}")  # {", ".join(splits)}'


def _gates(facts: Mapping[str, Any]) -> str:
    gates = gate_counts(facts)
    if not gates:
        return ""
    accepted = sum(found.get(ACCEPTED, 0) for found in gates.values())
    total = sum(sum(found.values()) for found in gates.values())
    head = f"Of {total:,} programs and broken programs that were tried, {accepted:,} were accepted:"
    return f"{head}\n\n{gates_table(facts)}"


def _agents(facts: Mapping[str, Any]) -> str:
    if not facts["agents"]:
        return ""
    return f"""\
What agents without a model earn on the test split:

{agents_table(facts)}

`constant_emitter` writes the rows shown into its program. On the published test problems of the benchmark \
that this dataset follows, a simpler one, whose rows are all alike, earned the full reward on \
{_PUBLISHED_EMITTER} under the published rule, which looks at the visible rows only."""


def _source(source: str, problems: int) -> str:
    text = PROVENANCE.get(source, UNKNOWN).text
    return f"- **{source}** ({problems:,} problem{'' if problems == 1 else 's'}): {text}"
