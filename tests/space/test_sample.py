"""The sample that comes with the app: made anew it is the same, and it has something of everything."""

import json
from collections import Counter
from pathlib import Path

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.lang import STANDARD
from dsl_debug.policies.base import Problem
from dsl_debug.sandbox import layers
from dsl_debug.storage import read_lines
from space.launch import command
from space.library import SAMPLE, Library, Trace, trace_key
from space.sample import (
    AGENTS,
    EXPERT,
    MAX_BYTES,
    ONLOOKER,
    Picked,
    agent_trace,
    chosen,
    expert_trace,
    make_sample,
    onlooker_trace,
    pick,
    played,
    problem_texts,
)

TRACES = list(read_lines(SAMPLE / "traces.jsonl"))
STALE = "the sample is stale: make build-data && .venv/bin/python -m space sample dist/dsl-debug"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def picked(built_sample: Path) -> Picked:
    return pick(built_sample, built_sample)


def test_the_problems_are_those_of_the_built_dataset(picked: Picked) -> None:
    for name, text in problem_texts(picked).items():
        assert (SAMPLE / name).read_text(encoding="utf-8") == text, STALE


@pytest.mark.slow
def test_made_anew_it_is_the_same(built_sample: Path, tmp_path: Path) -> None:
    make_sample(built_sample, tmp_path / "sample")
    assert files(tmp_path / "sample") == files(SAMPLE), STALE


def again(trace: Trace, problem: Problem) -> Trace:
    """The same trace, played now."""
    if trace["policy"] == EXPERT:
        return expert_trace(problem, trace["messages"])
    return onlooker_trace(problem) if trace["policy"] == ONLOOKER else agent_trace(trace["policy"], problem)


@pytest.mark.parametrize("policy", sorted({trace["policy"] for trace in TRACES}))
def test_traces_are_what_the_players_do(library: Library, policy: str) -> None:
    traces = [trace for trace in TRACES if trace["policy"] == policy]
    if any(trace["environment"] == "python" for trace in traces) and set(layers().values()) != {"present"}:
        pytest.skip("the sandbox lacks layers here, and Python bugs are not played without them")
    for trace in traces:
        problem = library.problem(trace["problem_id"])
        assert problem is not None
        assert again(trace, problem) == trace, STALE


@pytest.mark.parametrize("agent", [name for name in AGENTS if name != "search"])
def test_results_are_what_the_agents_reach(library: Library, agent: str) -> None:
    stored = json.loads((SAMPLE / "results" / f"{agent}.json").read_text(encoding="utf-8"))
    ids = [row["problem_id"] for row in stored["outcomes"]]
    results, _ = played([library.problems[name] for name in ids], [agent])
    assert results[agent] == stored, STALE


def test_it_is_small_and_has_something_of_everything(library: Library) -> None:
    assert sum(map(len, files(SAMPLE).values())) <= MAX_BYTES
    cells = Counter((p.category, p.difficulty) for p in library.problems.values())
    assert {category for category, _ in cells} == {"standard", "nonlocal", "intent_mismatch"}
    assert min(cells.values()) >= 3
    assert sum(problem.dialect != STANDARD for problem in library.problems.values()) == 3
    assert Counter(bug.difficulty for bug in library.arena.values()) == {"easy": 4, "medium": 4, "hard": 4}
    failures = {trace["failure"] for trace in library.traces.values()}
    assert failures == {"", "overfit", "wrong_rows", "error", "unchanged", "never_submitted"}
    policies = Counter(trace["policy"] for trace in library.traces.values())
    assert policies["search"] >= 8
    assert policies[EXPERT] == 6
    assert [result["policy"]["name"] for result in library.results] == sorted(AGENTS)


def test_nothing_in_it_depends_on_when_and_where_it_was_made() -> None:
    for name, data in files(SAMPLE).items():
        text = data.decode()
        assert not any(word in text for word in ('"seconds":', '"timings":', "/work", "/tmp", "/home")), name
        assert '"revision":"' not in text, name


def test_every_trace_has_a_name_of_its_own() -> None:
    keys = [trace_key(trace) for trace in TRACES]
    assert len(set(keys)) == len(keys)


def test_problems_are_chosen_small_and_of_many_databases() -> None:
    problems = sample_problems()
    first = chosen(problems, 1)
    assert [(problem.category, problem.difficulty) for problem in first] == [
        *(("standard", "easy"), ("standard", "medium"), ("standard", "hard")),
        *(("nonlocal", "medium"), ("nonlocal", "hard")),
        *(("intent_mismatch", "medium"), ("intent_mismatch", "hard")),
    ]
    assert chosen(list(reversed(problems)), 1) == first
    # The one easy problem of the standard category whose program does not run.
    assert first[0].bugs[0].kind == "syntax"
    assert {p.id for p in chosen(problems, 99)} == {p.id for p in problems}


def test_an_expert_whose_answers_have_changed_is_refused(library: Library) -> None:
    trace = next(trace for trace in TRACES if trace["policy"] == EXPERT)
    problem = library.problems[trace["problem_id"]]
    messages = [dict(message) for message in trace["messages"]]
    messages[3]["content"] += "!"
    with pytest.raises(
        ValueError, match=f"problem {problem.id}: its recorded episode cannot be played again"
    ):
        expert_trace(problem, messages)


def test_a_folder_that_is_no_dataset_is_told_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert command(["sample", str(tmp_path / "nothing"), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("python -m space: no data at")
    assert told.count("\n") == 1
    assert not out.exists()


def test_a_sample_that_would_be_too_large_is_not_written(
    picked: Picked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("space.sample.pick", lambda dataset, arena: picked)
    monkeypatch.setattr("space.sample.MAX_BYTES", 1_000)
    monkeypatch.setattr("space.sample.AGENTS", ("unchanged",))
    monkeypatch.setattr("space.sample._others", lambda picked: [])
    with pytest.raises(ValueError, match=r"^the sample would take [\d,]+ bytes; at most 1,000 are allowed$"):
        make_sample(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
