"""`verify` finds nothing in a sound folder, and every kind of damage in one that is not."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dataset_builder
from dataset_builder.checking.dissect import canonical
from dataset_builder.checking.recheck import Subject, faults
from dataset_builder.checking.replay import JSON_COLUMNS, trace_faults
from dataset_builder.export import export_folder, problem_row
from dataset_builder.parquet_files import (
    arena_features,
    problem_features,
    trace_features,
    trajectory_features,
)
from dataset_builder.traces import trace_export
from dataset_builder.verify import verify
from dsl_debug.data import sample_problems
from dsl_debug.episode.system_prompts import SYSTEM_PROMPTS
from dsl_debug.episode.tools import call_block
from dsl_debug.evaluation import trace_row
from dsl_debug.lang import Table, parse
from dsl_debug.policies.base import Job, Setup, Talk
from dsl_debug.problem import DslProblem, Suite
from tests.dataset_builder.datasets_made import REPORT, RUN, content, problem_with, rewrite
from tests.problems import BUGGY, CORRECT, ORDERS, make_problem, tables_of

for name in ("datasets", "pyarrow", "matplotlib"):
    pytest.importorskip(name, reason=f"needs {name}: pip install 'dsl-debug[build]'")


BUILDER = Path(dataset_builder.__file__).parent


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("verify") / "sound"
    export_folder(place, content(), REPORT, RUN)
    return place


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "damaged"))


def found(folder: Path) -> str:
    return "\n".join(verify(folder, workers=1))


# ---- a sound folder


def test_a_sound_folder_passes_with_one_worker_and_with_two(sound: Path) -> None:
    heard: list[tuple[int, int]] = []
    assert verify(sound, lambda done, total: heard.append((done, total)), workers=1) == []
    assert heard == [(n, len(heard)) for n in range(1, len(heard) + 1)]
    assert verify(sound, workers=2) == []


def test_it_shares_nothing_with_what_made_the_rows() -> None:
    seen: set[str] = set()
    waiting = ["verify"]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            text = BUILDER.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
            lines = [line.split() for line in text.splitlines() if line.startswith("from dataset_builder.")]
            waiting += [words[1].removeprefix("dataset_builder.") for words in lines]
    parts = {f"checking.{part}" for part in ("crosscheck", "dissect", "recheck", "remarks", "replay")}
    assert seen == {"verify", "parquet_files", *parts}


# ---- one problem

SOUND = problem_with(database="vet", category="standard")
FAR = problem_with(database="vet", category="nonlocal")


def with_prompt(problem: DslProblem) -> DslProblem:
    return DslProblem.from_row(problem_row(problem))


def told(problem: DslProblem) -> list[str]:
    return [what for what, _ in faults(Subject(with_prompt(problem)))]


@pytest.mark.parametrize("problem", sample_problems(), ids=lambda p: f"{p.database}-{p.category}")
def test_the_sample_problems_have_no_fault(problem: DslProblem) -> None:
    assert told(problem) == []


def test_a_filter_by_the_values_shown_must_not_be_paid() -> None:
    """On hidden tables without a new kind of baking, picking the kinds that were shown is right as well."""
    problem = next(p for p in sample_problems() if (p.database, p.category) == ("bakery", "nonlocal"))
    known = [suite for suite in problem.hidden if "savoury" not in suite.tables["products"].columns["kind"]]
    assert 0 < len(known) < len(problem.hidden)
    assert told(replace(problem, hidden=tuple(known))) == ["a filter by the values shown is paid"]


def _table(problem: DslProblem, name: str, value: Any) -> Table:
    columns = dict(problem.expected_output.columns)
    columns[name] = [value, *columns[name][1:]]
    return Table(columns)


def wrong_rows() -> DslProblem:
    name = SOUND.expected_output.names[0]
    return replace(SOUND, expected_output=_table(SOUND, name, "never"))


def wrong_hidden_rows() -> DslProblem:
    first, *rest = SOUND.hidden
    return replace(SOUND, hidden=(first._replace(expected=SOUND.expected_output), *rest))


def shown_again() -> DslProblem:
    return replace(SOUND, hidden=(Suite(SOUND.tables, SOUND.expected_output),))


def ambiguous() -> DslProblem:
    """Paid orders above 60.5 and above 61.5 are the same here, but not on hidden tables."""
    correct = CORRECT.replace('status == "paid"', "amount > 61")
    others = [[{**row, "amount": amount} for row, amount in zip(ORDERS, [62, 61.5, 90, 70, 1], strict=True)]]
    return make_problem(correct, CORRECT, others=[tables_of(rows) for rows in others])


def tied() -> DslProblem:
    rows = [{**row, "amount": amount} for row, amount in zip(ORDERS, [10, 5, 1, 5, 1], strict=True)]
    return make_problem(tables=tables_of(rows))


def one_row_of_many() -> DslProblem:
    correct = CORRECT.replace("emit totals", 'one = totals |> filter(region == "south")\nemit one')
    return make_problem(correct, BUGGY)


def alike() -> DslProblem:
    correct = 'paid = load("orders") |> select(status) |> filter(status == "paid")\nemit paid\n'
    return make_problem(correct, correct.replace("==", "!="))


def constant() -> DslProblem:
    same = SOUND.tables
    return replace(SOUND, hidden=(Suite({n: _reversed(t) for n, t in same.items()}, SOUND.expected_output),))


def _reversed(table: Table) -> Table:
    return Table({name: values[::-1] for name, values in table.columns.items()})


FAULTS: dict[str, tuple[Callable[[], DslProblem], str]] = {
    "wrong rows": (wrong_rows, "expected_output is not what the correct program gives"),
    "wrong hidden rows": (wrong_hidden_rows, "the rows of hidden suite 1 are not what"),
    "nothing hidden": (lambda: replace(SOUND, hidden=()), "it has no hidden suite"),
    "the rows shown hidden": (shown_again, "hidden suite 1 holds the rows shown"),
    "not broken": (
        lambda: replace(SOUND, buggy_code=SOUND.correct_code),
        "the buggy program gives the expected rows",
    ),
    "paid for the bug": (
        lambda: replace(SOUND, buggy_code=SOUND.correct_code),
        "an episode pays the buggy program 1",
    ),
    "fails though nonlocal": (
        lambda: replace(FAR, buggy_code=FAR.buggy_code.replace("emit ", "emit no_")),
        "the buggy program fails, which only a standard one may",
    ),
    "near though nonlocal": (lambda: replace(SOUND, category="nonlocal"), "the root cause is"),
    "one mistake though several": (
        lambda: replace(SOUND, category="intent_mismatch"),
        "1 bugs, where the category has 2 to 3",
    ),
    "ambiguous": (ambiguous, "program passes on the rows shown only: "),
    "tied": (tied, "a tie of the last sort decides the rows or their order"),
    "one row": (one_row_of_many, "one row is expected, and the program does not end in sort_by and take(1)"),
    "rows alike": (alike, "all expected rows are alike"),
    "constants are enough": (constant, "a constant emitter is paid"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_problem_is_found(name: str) -> None:
    make, expected = FAULTS[name]
    assert expected in "\n".join(told(make()))


def test_another_prompt_is_found() -> None:
    problem = replace(SOUND, prompt=({"role": "user", "content": "Fix it."},))
    assert [what for what, _ in faults(Subject(problem))] == [
        "its prompt is not the one that an episode begins with"
    ]


def test_a_correct_program_that_fails_ends_the_examination() -> None:
    problem = replace(SOUND, correct_code="a = b |> take(1)\nb = a |> take(1)\nemit a\n")
    assert told(problem) == ["the correct program fails"]


def test_names_and_unused_statements_do_not_make_another_program() -> None:
    one = 'a = load("x") |> take(3)\nb = load("y")\nc = join(a, b, on: k == k)\nemit c'
    other = (
        'r = load("y")\nl = load("x") -- rows\n  |> take(3)\nno = load("z")\n'
        "out = join(l, r, on: k == k)\nemit out"
    )
    assert canonical(parse(one)) == canonical(parse(other))
    assert canonical(parse(one)) != canonical(parse(other.replace("take(3)", "take(4)")))
    swapped = one.replace("join(a, b", "join(b, a")
    assert canonical(parse(one)) != canonical(parse(swapped))


# ---- one trace

SAYS = (
    "<think>Upstream?</think> <tool_call>{oops}</tool_call>\n" + call_block("run", {"code": BUGGY}),
    "No call at all.",
    "Two at once.\n" + call_block("inspect", {"node_name": "paid"}) + call_block("submit", {"code": CORRECT}),
)


@pytest.mark.parametrize("prompt", SYSTEM_PROMPTS)
def test_a_trace_of_a_model_is_played_again_as_it_was(prompt: str) -> None:
    problem = make_problem()
    talk = Talk(Job(problem, 0, 1), Setup(max_turns=4, prompt=prompt))
    for text in SAYS:
        talk.say(text)
    talk.count(700, 80)
    row = json.loads(json.dumps(trace_export(trace_row(problem, talk.episode(), "model", prompt))))
    assert row["robust"]
    assert list(trace_faults(row, problem)) == []
    others = [name for name in SYSTEM_PROMPTS if name != prompt]
    assert list(trace_faults(row | {"prompt": others[0]}, problem)) == [
        "it does not begin with the prompt of its problem"
    ]
    row["messages"][2]["content"] = "I looked."
    assert "played again, message 3 is answered otherwise" in list(trace_faults(row, problem))


# ---- a folder


def change_first(change: Callable[[Any], Any]) -> Callable[[list[Any]], None]:
    def apply(rows: list[Any]) -> None:
        rows[0] = change(rows[0])

    return apply


def decoded(row: Any) -> Any:
    """The row of a trajectory or a trace with its JSON texts read."""
    row = {**row, **{name: json.loads(row[name]) for name in ("tools", *JSON_COLUMNS) if name in row}}
    for message in row["messages"]:
        for call in message["tool_calls"]:
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return row


def change_rows(change: Callable[[Any], Any]) -> Callable[[list[Any]], None]:
    def apply(rows: list[Any]) -> None:
        rows[:] = [decoded(row) for row in rows]
        rows[0] = change(rows[0])

    return apply


def other_answer(row: Any) -> Any:
    row["messages"][-1]["content"] = "Correct!"
    return row


def other_call(row: Any) -> Any:
    call = next(c for m in row["messages"] for c in m["tool_calls"])
    call["function"]["arguments"] = {"code": "emit nothing"}
    return row


WRONG_TRACE = {
    "reward": 1.0,
    "robust": True,
    "unchanged": True,
    "row_share": 0.25,
    "failure": "",
    "calls": {"submit": 7},
    "diagnosis": {"faulty": [], "inspected": False, "first_visible": None, "first_correct": 1},
    "database": "elsewhere",
}


def drop(rows: list[Any]) -> None:
    rows.clear()


def another(row: Callable[[], Any]) -> Callable[[list[Any]], None]:
    return lambda rows: rows.append(row())


def repeat(rows: list[Any]) -> None:
    rows.append(rows[0])


def of_test() -> Any:
    return problem_row(content().problems["test"][0])


def of_train() -> Any:
    return problem_row(content().problems["train"][0])


def function_of_train() -> Any:
    return (content().arena or {})["train"][0].to_row()


P, S, T, A = problem_features, trajectory_features, trace_features, arena_features
Damage = tuple[str, str, Callable[[list[Any]], None], Any, tuple[str, ...]]

# Damages that do not hide one another stand in one folder.
DAMAGES: dict[str, list[Damage]] = {
    "leaks": [
        (
            *("problems", "train", another(of_test), P),
            ("leak: database bakery in test (", "leak: table ", "leak: program in ", "leak: id in "),
        ),
        ("problems", "validation", repeat, P, ("it has the id of ", "it has the pair of programs of ")),
        (
            *("intent_mismatch", "test", drop, P),
            ("intent_mismatch/test: not the rows of problems/test of this category",),
        ),
        (
            *("dialect_shift", "test", another(of_train), P),
            ("no problem of the test split says the same",),
        ),
        ("arena", "test", another(function_of_train), A, ("its family is in ", "it is there 2 times")),
    ],
    "rows": [
        (
            *("problems", "train", change_first(lambda row: row | {"intent": "Else."}), P),
            ("does not belong to this content",),
        ),
        (
            *("problems", "validation", change_first(lambda row: row | {"tables": "{"}), P),
            ("the column 'tables' is not JSON",),
        ),
        (
            *("sft", "train", change_rows(other_answer), S),
            ("played again, message 3 is answered otherwise",),
        ),
        (
            *("traces", "test", change_rows(lambda row: row | WRONG_TRACE), T),
            (
                *(
                    f"played again, {name} is not what the row says"
                    for name in WRONG_TRACE
                    if name != "database"
                ),
                "the policy constant_emitter earns 1, not 0",
                "its database is not that of its problem",
            ),
        ),
    ],
    "trajectories": [
        ("sft", "train", change_rows(other_call), S, ("played again it earns 0, not 1",)),
        (
            *("traces", "test", change_rows(lambda row: row | {"problem_id": "0" * 16}), T),
            ("traces/test, 0000000000000000: its problem is not there",),
        ),
    ],
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_to_rows_is_found(name: str, folder: Path) -> None:
    for config, split, change, features, _ in DAMAGES[name]:
        rewrite(folder, config, split, change, features)
    lines = found(folder)
    assert [text for *_, texts in DAMAGES[name] for text in texts if text not in lines] == []


def test_damage_to_files_is_found(folder: Path) -> None:
    (folder / "data" / "nonlocal" / "train-00000-of-00001.parquet").unlink()
    (folder / "data" / "problems" / "validation-00000-of-00001.parquet").write_bytes(b"PAR1 no")
    (folder / "data" / "problems" / "notes.txt").write_text("mine")
    lines = found(folder)
    assert "problems/notes.txt: no data file of a split; remove it" in lines
    assert "problems/validation-00000-of-00001.parquet: no parquet file" in lines
    assert "README.md: its splits of nonlocal are not those in data/" in lines


def test_figures_that_are_not_those_of_the_files_are_found(folder: Path) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(card.replace("| problems | test | 2 |", "| problems | test | 9 |"))
    report = json.loads((folder / "build_report.json").read_text(encoding="utf-8"))
    report["contents"]["problems"]["test"]["difficulty"] = {"easy": 2}
    report["agents"]["constant_emitter"]["visible"] = 0
    (folder / "build_report.json").write_text(json.dumps(report))
    lines = found(folder).splitlines()
    assert lines == [
        "build_report.json: its counts of problems/test are not those of the files; build it again",
        "README.md: it counts 9 rows of problems/test, and there are 2; build it again",
        "build_report.json: its figures of the agents are not those of the traces; build it again",
    ]


def test_rows_of_strangers_are_told_in_one_line_each(folder: Path) -> None:
    def strange(rows: list[Any]) -> None:
        rows[0] |= {"id": "a\x1b[2J\nb", "bugs": []}
        rows[1] |= {"expected_output": '{"columns": ["no name"], "rows": [[1], [2]]}'}

    rewrite(folder, "problems", "validation", strange, problem_features)
    lines = verify(folder, workers=1)
    assert any(line.startswith("problems/validation, a [2J b: the id") for line in lines)
    assert all(line.isprintable() for line in lines)


def test_an_empty_folder_is_told_in_lines(tmp_path: Path) -> None:
    lines = verify(tmp_path, workers=1)
    assert "data/problems: there are no problems; build the folder with `build`" in lines
    assert all("; " in line and "\n" not in line for line in lines)
