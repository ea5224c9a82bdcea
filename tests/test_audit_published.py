"""The audit of published problems: its checks on problems made here, its figures, its command, its page."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="pyarrow, which reads the published files, is not installed")

import pyarrow as pa
import pyarrow.parquet as parquet

from benchmarks import audit_published
from benchmarks.audit import checks
from benchmarks.audit.checks import Audit, Facts, audited, database_of
from benchmarks.audit.figures import figures, split_of
from benchmarks.audit.page import render
from dsl_debug.data import sample_problems
from dsl_debug.lang import Table, parse
from dsl_debug.problem import DslProblem, load_published
from tests.conftest import ROOT
from tests.problems import CORRECT, TOP_BUGGY, TOP_CORRECT, make_problem


def published(problem: DslProblem) -> DslProblem:
    """The problem as a published one: without hidden tables."""
    return replace(problem, hidden=())


@pytest.fixture
def few_contents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the other contents, in this process: enough for what is asked, and quicker."""
    monkeypatch.setattr(checks, "CONTENTS", 12)


SAMPLE = [published(problem) for problem in sample_problems()]
SINGLE = published(make_problem(TOP_CORRECT, TOP_BUGGY))
TOTALS = published(make_problem())


# The checks


def test_a_single_row_is_had_as_a_constant(few_contents: None) -> None:
    holds = audited(SINGLE).holds
    assert {"one_row", "single_row_emitter", "emitter"} <= set(holds)
    # The sort stands in another statement than the take: our gate asks for both in the last one.
    assert {"one_row_not_top", "degenerate"} <= set(holds)


def test_a_single_row_is_no_fault_where_the_first_is_asked_for(few_contents: None) -> None:
    top = 'r = load("regions") |> sort_by(code, asc) |> take(1)\nemit r'
    holds = audited(published(make_problem(top, top.replace("asc", "desc")))).holds
    assert "one_row" in holds
    assert not {"one_row_not_top", "degenerate"} & set(holds)


def test_hidden_suites_refuse_what_the_rows_shown_pay_for(few_contents: None) -> None:
    with_suites = [facts for problem in SAMPLE[:2] if "suites" in (facts := audited(problem)).holds]
    assert with_suites
    for facts in with_suites:
        assert "emitter" in facts.holds
        assert "kept_emitter" not in facts.holds
        assert facts.counts["suites"] >= 3


def test_wrong_neighbours_give_the_rows_shown_and_other_rows_elsewhere(few_contents: None) -> None:
    # All that is paid was done by one customer: any grouping gives one row.
    tables = {"sales": Table({"who": ["a"] * 6, "city": ["b"] * 6, "paid": [1, 2, 3, 4, 5, 6]})}
    code = 'load("sales") |> group_by(who) |> aggregate(best: max(paid))'
    program = f"result = {code} |> sort_by(best, desc)\nemit result\n"
    problem = make_problem(program, program.replace("max", "min"), tables, ())
    audit = Audit(problem)
    shorter = parse(program.replace(" |> sort_by(best, desc)", ""))
    assert shorter in [edit.program for edit in audit.near["correct"].alike]
    for edit in audit.near["correct"].wrong:
        assert audit.is_paid(edit.program)
        assert not audit.is_right(edit.program)
        assert not audit.is_kept(edit.program)


def test_degenerate_outputs(few_contents: None) -> None:
    tables = {"t": Table({"x": [1, 1, 2, 2], "y": [7, 7, 8, 9]})}

    def holds(stages: str) -> set[str]:
        code = f'r = load("t") |> {stages}\nemit r'
        buggy = f'r = load("t") |> {stages} |> compute(z: 1)\nemit r'
        return set(audited(make_problem(code, buggy, tables, ())).holds)

    assert {"empty", "degenerate"} <= holds("filter(x > 5)")
    assert {"same_rows", "constant_column", "degenerate"} <= holds("filter(x == 1)")
    assert {"one_row", "one_row_not_top", "degenerate"} <= holds("filter(y == 9)")
    assert "tie" in holds("sort_by(x, asc) |> take(3)")
    found = holds("filter(x == 2)")
    assert "constant_column" in found
    assert not {"degenerate", "tie"} & found


def test_a_buggy_program_that_is_right_is_found(few_contents: None) -> None:
    problem = published(make_problem(buggy=CORRECT.replace("totals", "sums")))
    facts = audited(problem)
    assert "buggy_right" in facts.holds
    assert "the buggy program gives the expected rows" in facts.refusals
    assert "buggy_right" not in audited(SINGLE).holds


def test_nothing_is_said_of_a_problem_whose_program_is_wrong() -> None:
    for broken in (
        replace(SINGLE, correct_code="emit"),
        replace(SINGLE, correct_code='r = load("nowhere")\nemit r'),
        replace(SINGLE, expected_output=Table({"x": [1]})),
    ):
        facts = audited(broken)
        assert facts.holds == ("broken",)
        assert facts.counts == {}


def test_an_empty_table_leaves_no_other_contents() -> None:
    tables = {**SINGLE.tables, "nothing": Table({"x": []})}
    assert "contents" not in audited(replace(SINGLE, tables=tables)).holds


def test_keys_are_inferred_from_names_and_values() -> None:
    people = Table({"person_id": [1, 2, 3], "age": [30, 30, 31]})
    visits = Table({"visit_id": [1, 2, 3, 4], "person_id": [1, 1, 2, 3]})
    database = database_of(replace(SINGLE, tables={"people": people, "visits": visits}))
    assert database.keys == {"people": "person_id", "visits": "visit_id"}


def test_certified_problems_stay_certifiable(few_contents: None) -> None:
    problem = SAMPLE[0]
    facts = audited(problem, ["unchanged", "reference"])
    assert "agent_reference" in facts.holds
    assert "agent_unchanged" not in facts.holds
    assert ("certifiable" in facts.holds) == (facts.refusals == ())
    assert "kept_agent_reference" in facts.holds


# The figures


def facts_of(number: int, holds: str, **fields: Any) -> Facts:
    given = {"category": "standard", "difficulty": "easy", "database": "a", "key": f"program {number}"}
    return Facts(id=str(number), rows=(number,), holds=tuple(holds.split()), **(given | fields))


def test_figures_of_four_problems() -> None:
    found = [
        facts_of(1, "tie contents suites near_wrong", refusals=("late", "later")),
        facts_of(2, "contents", key="program 1", refusals=("later",)),
        facts_of(3, "", category="nonlocal", difficulty="hard", database="b"),
        facts_of(4, ""),
    ]
    made = figures({"test_x.parquet": found[:3], "test_y.parquet": found[3:], "val.parquet": found[:1]}, [])
    rates = {(r["split"], r["group"], r["over"], r["check"]): r for r in made["rates"]}
    tie = rates["test", "all", "all", "tie"]
    assert (tie["count"], tie["of"], tie["rate"]) == (1, 4, 0.25)
    # Wilson's interval of 1 in 4, by hand: (0.25 + 0.48018 -+ 0.64902) / 1.96036.
    assert tie["low"] == pytest.approx(0.0456, abs=2e-4)
    assert tie["high"] == pytest.approx(0.6994, abs=2e-4)
    assert rates["test", "all", "contents", "near_wrong"]["of"] == 2
    assert rates["test", "nonlocal", "suites", "near_wrong"]["rate"] is None
    assert made["splits"]["test"] == {
        "problems": 4,
        "databases": 2,
        "median_rows": 2.5,
        "most_rows": 4,
        "repeated": 1,
    }
    same = {"split": "test", "other": "val", "problems": 4, "same_program": 2, "same_database": 3}
    assert made["shared"] == [same]
    late, later = (r for r in made["refusals"] if (r["split"], r["group"]) == ("test", "all"))
    assert (late["reason"], late["first"], late["any"]) == ("later", 1, 2)
    assert (later["reason"], later["first"], later["any"]) == ("late", 1, 1)


def test_files_belong_to_splits() -> None:
    assert split_of("test_standard_sample.parquet") == "test"
    assert split_of("rl_val.parquet") == "rl_val"


# The command


def verl_row(problem: DslProblem) -> dict[str, Any]:
    """A row as published files have it."""
    bug = problem.bugs[0]
    told = {"category": bug.kind, "line_num": bug.line, "description": bug.description}
    tables = {name: table.rows() for name, table in problem.tables.items()}
    made = {
        "bug_info": json.dumps([told | {"original": bug.original, "mutated": bug.mutated}]),
        "datasets": json.dumps(tables),
        "expected_output": json.dumps(problem.expected_output.rows()),
        "difficulty": problem.difficulty,
        "domain": f"{problem.database}__x",
        "buggy_code": problem.buggy_code,
        "correct_code": problem.correct_code,
    }
    return {"extra_info": {"tools_kwargs": {"run": {"create_kwargs": made}}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three problems in two files, and a file of something else."""
    made = tmp_path / "published"
    made.mkdir()
    for name, problems in (("test_a", [SINGLE, TOTALS]), ("val", [SINGLE])):
        parquet.write_table(pa.Table.from_pylist([verl_row(p) for p in problems]), made / f"{name}.parquet")
    parquet.write_table(pa.table({"messages": ["hello"]}), made / "sft.parquet")
    return made


def audit(*arguments: object) -> dict[str, Any]:
    """What a run finds, apart from how it was run."""
    out = Path(str(arguments[0])).parent / "out.json"
    assert audit_published.main([*map(str, arguments), "--json", str(out)]) == 0
    found: dict[str, Any] = json.loads(out.read_text())
    assert found.pop("run")["every"] >= 1
    return found


def test_processes_find_what_one_finds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = audit(folder, "--workers", 2, "--agents", "constant_emitter")
    page = capsys.readouterr().out
    assert found["files"] == {"test_a.parquet": 2, "val.parquet": 1}
    assert found["shared"][0]["same_program"] == 1
    assert [row["file"] for row in found["problems"]] == ["test_a.parquet"] * 2 + ["val.parquet"]
    assert "agent_constant_emitter" in found["problems"][0]["holds"]
    assert "## Example: a constant for an answer" in page
    assert "/" + str(folder).strip("/") not in page
    problems = load_published(folder / "test_a.parquet")
    alone = [asdict(audited(problem, ["constant_emitter"])) for problem in problems]
    assert [row | {"file": ""} for row in found["problems"][:2]] == [
        json.loads(json.dumps(row)) | {"file": ""} for row in alone
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (lambda f: [f / "nothing"], "no such file or folder"),
        (lambda f: [f.parent / "empty"], "no parquet file of published problems in it"),
        (lambda f: [f / "sft.parquet"], "no published problems in it"),
        (lambda f: [f.parent / "text.parquet"], "text.parquet"),
        (lambda f: [f, "--json", f], "that is a folder"),
        (lambda f: [f, "--json", f / "no" / "out.json"], "in none that exists"),
    ],
)
def test_bad_input_is_told_in_a_line(
    arguments: Callable[[Path], list[Any]], told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.parent / "empty").mkdir()
    (folder.parent / "text.parquet").write_text("no parquet at all")
    assert audit_published.main([str(part) for part in arguments(folder)]) == 2
    complaint = capsys.readouterr().err
    assert told in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("options", [["--every", "0"], ["--workers", "x"], ["--agents", "nobody"]])
def test_bad_options_are_refused(options: list[str], folder: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        audit_published.main([str(folder), *options])
    assert ended.value.code == 2


def test_published_problems(published_dir: Path, tmp_path: Path, few_contents: None) -> None:
    for name in ("test_standard_sample", "test_nonlocal_sample"):
        (tmp_path / f"{name}.parquet").symlink_to(published_dir / f"{name}.parquet")
    found = audit(tmp_path, "--workers", 1, "--every", 90, "--agents", "unchanged")
    rates = {r["check"]: r for r in found["rates"] if (r["group"], r["over"]) == ("all", "all")}
    assert rates["emitter"]["of"] == 4
    assert [rates[check]["count"] for check in ("broken", "buggy_right", "agent_unchanged")] == [0, 0, 0]
    assert rates["single_row_emitter"]["count"] == rates["one_row"]["count"]


# The page


def test_the_page_in_docs_is_rendered_from_its_figures() -> None:
    figures_of_docs = json.loads((ROOT / "docs" / "audit-published.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "audit-published.md").read_text(encoding="utf-8")
    assert page == render(figures_of_docs), "run python -m benchmarks.audit_published PATH --write-docs"
