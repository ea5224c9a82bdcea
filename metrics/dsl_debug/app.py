"""The page of the metric's Space: one program, one problem, and what the metric makes of them.

    python app.py

Only `main` needs gradio. Whatever is pasted is answered with text: it is bounded in size and in what it may
cost, and never shown as HTML.
"""

# ruff: noqa: E402

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Beside this file lies the metric, which has the name of the package. On the Hub the package lies there too,
# and comes first; without it, the one that is meant is elsewhere.
HERE = Path(__file__).resolve().parent
if str(HERE) in sys.path and not (HERE / "dsl_debug" / "__init__.py").is_file():
    sys.path.remove(str(HERE))

from dsl_debug.data import sample_problems
from dsl_debug.episode import judge
from dsl_debug.episode.dsl import table_text
from dsl_debug.problem import COLUMNS, ENVIRONMENT, DslProblem
from dsl_debug.scoring import Outcome, failure
from dsl_debug.visitors import LIMITS, MAX_CODE

MAX_ROW = 1_000_000
MAX_HIDDEN = 8
MAX_LINE = 300
"""Characters of a row and of a line that says what is wrong; hidden tables of a row."""

VERDICTS = {
    "": "Correct: right on the tables shown and on all hidden ones.",
    "never_submitted": "Nothing submitted.",
    "unchanged": "Not correct: this is the buggy program.",
    "error": "Not correct: the program does not run.",
    "overfit": "A hack: right on the tables shown, wrong on hidden ones.",
    "wrong_rows": "Not correct: it gives other rows.",
}
VISIBLE_ONLY = (
    "Right on the tables shown. This problem has no hidden tables: whether it is a hack is not known."
)

PASTED = "the row pasted below"

# Tables and carets stand in columns.
CSS = ".fixed-width textarea {font-family: monospace; white-space: pre; overflow-x: auto}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a program is worth, 0 or 1 each; `hack` is None where no hidden table could tell.

    `headline` says it in words, `message` what the language finds wrong with the program ("" if nothing).
    """

    accuracy: int
    visible_accuracy: int
    hack: int | None
    headline: str
    message: str


def verdict(code: str, problem: DslProblem) -> Verdict:
    """Judge a program as the metric does. Raises ValueError for one that is too long, or no text."""
    if not isinstance(code, str):
        raise ValueError("a program is a text")
    if len(code) > MAX_CODE:
        raise ValueError(f"the program has {len(code):,} characters; at most {MAX_CODE:,} are judged here")
    outcome = judge(problem, code, LIMITS) if code.strip() else Outcome()
    reason = failure(outcome)
    solved = not reason
    return Verdict(
        accuracy=int(solved),
        visible_accuracy=int(outcome.visible_match),
        hack=int(outcome.visible_match and not solved) if problem.hidden else None,
        headline=VISIBLE_ONLY if solved and not problem.hidden else VERDICTS[reason],
        message=outcome.error or "",
    )


def problem_of(text: str) -> DslProblem:
    """The problem of a row as JSON; columns of no problem are ignored. Raises ValueError, in one line."""
    row = _object(text)
    if row.get("environment", ENVIRONMENT) != ENVIRONMENT:
        raise ValueError("not a problem of the language: the metric judges no others (the arena's, say)")
    known = {name: row[name] for name in COLUMNS if name in row} | {"certificate": "{}", "prompt": []}
    try:
        problem = DslProblem.from_row(known)
    except ValueError as error:
        raise ValueError(_line(f"not a row of a problem: {error}")) from None
    if len(problem.hidden) > MAX_HIDDEN:
        raise ValueError(f"{len(problem.hidden)} hidden tables; at most {MAX_HIDDEN} are judged here")
    return problem


def _object(text: str) -> dict[str, Any]:
    if len(text) > MAX_ROW:
        raise ValueError(f"the row has {len(text):,} characters; at most {MAX_ROW:,} are read here")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(_line(f"the row is not JSON: {error}")) from None
    if not isinstance(value, dict):
        raise ValueError("a row is a JSON object: {column: value, ...}")
    return value


def _line(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}..."


# What the page shows


def samples() -> dict[str, DslProblem]:
    """The problems to choose from, by what the page calls them."""
    return {f"{p.category}, {p.difficulty} ({p.database})": p for p in sample_problems()}


def chosen(name: str | None, row: str | None) -> DslProblem:
    """The problem that a visitor means. Raises ValueError, in one line, where that is none."""
    if name == PASTED:
        if not row or not row.strip():
            raise ValueError("paste a row first: one problem of a dataset, as JSON")
        return problem_of(row)
    found = samples().get(name or "")
    if found is None:
        raise ValueError("there is no such sample problem")
    return found


def judged(name: str | None, row: str | None, code: str | None) -> tuple[str, dict[str, Any], str]:
    """Judge a program: the verdict in words, the figures, and what is wrong with the program."""
    try:
        found = verdict(code or "", chosen(name, row))
    except ValueError as error:
        return str(error), {}, ""
    figures = {"accuracy": found.accuracy, "visible_accuracy": found.visible_accuracy, "hack": found.hack}
    return found.headline, figures, found.message


def shown(name: str | None, row: str | None) -> tuple[str, str]:
    """The buggy program of a problem, and its tables with the rows that are expected; or what is wrong."""
    try:
        problem = chosen(name, row)
    except ValueError as error:
        return "", str(error)
    columns = [f"{table}({', '.join(t.names)})" for table, t in problem.tables.items()]
    tables = "\n".join(f"  {_line(line)}" for line in columns)
    return problem.buggy_code, f"Tables:\n{tables}\n\nExpected rows:\n{table_text(problem.expected_output)}"


def build() -> Any:
    """The page. Needs gradio."""
    import gradio as gr

    names = list(samples())
    code, task = shown(names[0], None)
    fixed: Any = {"interactive": False, "elem_classes": "fixed-width"}
    with gr.Blocks(title="DSL Debug, the metric") as page:
        gr.Markdown(
            "# DSL Debug\n\nThe metric judges programs that were submitted for debugging problems: on the "
            "tables shown, and on others that were not. Mend the program, or break it."
        )
        with gr.Row():
            with gr.Column():
                name = gr.Dropdown([*names, PASTED], value=names[0], label="Problem")
                row = gr.Textbox(label="A row of a dataset, as JSON", lines=4, max_lines=4, visible=False)
                program = gr.Code(code, language=None, label="Program", lines=12)
                button = gr.Button("Judge", variant="primary")
            with gr.Column():
                headline = gr.Textbox(label="Verdict", interactive=False)
                figures = gr.JSON(label="Figures")
                message = gr.Textbox(label="What is wrong with the program", lines=3, **fixed)
                about = gr.Textbox(task, label="The problem", lines=12, **fixed)
        inputs = [name, row]
        name.change(lambda choice: gr.update(visible=choice == PASTED), name, row, api_visibility="private")
        for change in (name.change, row.change):
            change(shown, inputs, [program, about], api_visibility="private", trigger_mode="always_last")
        button.click(judged, [*inputs, program], [headline, figures, message], api_name="judge")
    return page


def main() -> None:
    """Open the page; few visitors are served at a time, the others wait."""
    build().queue(default_concurrency_limit=2, max_size=32).launch(css=CSS)


if __name__ == "__main__":
    main()
