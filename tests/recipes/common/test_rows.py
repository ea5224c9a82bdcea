"""Rows for trainers: what a model reads is the same everywhere, nothing hidden gets in, bad data is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.episode import messages
from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.evaluation import evaluate
from dsl_debug.policies import open_policy
from dsl_debug.policies.base import Job, ModelOptions, Setup, Talk
from dsl_debug.problem import PythonProblem, save_problems
from recipes.common.arguments import BadArguments, GrpoArguments, SftArguments
from recipes.common.rows import (
    conversation_length,
    environments,
    fitting,
    lesson_dataset,
    lesson_rows,
    problem_dataset,
    problem_rows,
)
from recipes.common.tiny import make_tokenizer
from tests.recipes.lessons import lesson

pytest.importorskip("datasets", reason="needs datasets: pip install 'dsl-debug[build]'")
pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

PROBLEMS = sample_problems()
ROOT = Path(__file__).resolve().parents[3]


def python_problem() -> PythonProblem:
    file = ROOT / "space" / "sample" / "arena.jsonl"
    return PythonProblem.from_row(json.loads(file.read_text(encoding="utf-8").splitlines()[0]))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


# What a model reads


def test_other_prompts_and_turns_are_those_of_evaluation() -> None:
    (row,) = problem_dataset(PROBLEMS[:1], max_turns=3, prompt="bare")
    assert row["prompt"] == Talk(Job(PROBLEMS[0], 0, 0), Setup(3, "bare")).prompt
    with pytest.raises(ValueError, match=r"^no prompt 'rude'; there is: expert, "):
        problem_dataset(PROBLEMS[:1], prompt="rude")


def test_nothing_hidden_is_in_a_prompt() -> None:
    rows = problem_dataset([*PROBLEMS, python_problem()])
    for problem, row in zip([*PROBLEMS, python_problem()], rows, strict=True):
        prompt = json.dumps(row["prompt"])
        assert json.dumps(problem.correct_code.rstrip())[1:-1] not in prompt
        if isinstance(problem, PythonProblem):
            assert row["hidden_tests"] not in prompt
            continue
        for suite in problem.hidden:
            assert suite.expected.render() not in prompt.encode().decode("unicode_escape")


# Both environments in one run


def test_rows_of_both_environments_begin_their_episodes() -> None:
    rows = problem_dataset([PROBLEMS[0], python_problem()])
    factories = environments()
    made = []
    for row in rows:
        environment = factories[row["environment"]]()
        # TRL keeps the column to itself.
        told = environment.reset(**{name: value for name, value in row.items() if name != "environment"})
        assert told is None, "the prompt is in the row"
        made.append(environment)
    first, second = made
    assert first.episode.problem == PROBLEMS[0]
    first.submit(PROBLEMS[0].correct_code)
    assert (first.get_reward(), second.get_reward()) == (1.0, 0.0)
    assert second.episode.problem.id == python_problem().id
    assert [row["prompt"] for row in rows] == [messages(PROBLEMS[0]), python_messages(python_problem())]


def test_environments_are_made_as_asked() -> None:
    made = {name: factory() for name, factory in environments("visible", 3).items()}
    assert {name: env.episode.max_turns for name, env in made.items()} == {"dsl": 3, "python": 3}
    assert made["dsl"].episode.reward_kind == "visible"
    assert {name: factory().episode.max_turns for name, factory in environments().items()} == {
        "dsl": 8,
        "python": 5,
    }
    with pytest.raises(ValueError, match=r"^no reward 'generous'; there is: visible, robust, partial$"):
        environments("generous")


# Where problems come from


def test_problems_of_a_file(tmp_path: Path) -> None:
    save_problems(PROBLEMS[:3], tmp_path / "three.jsonl")
    data = str(tmp_path / "three.jsonl")
    rows = problem_rows(GrpoArguments(data=data, data_configs=["problems", "arena"], limit=2))
    assert [row["id"] for row in rows.dataset] == [problem.id for problem in PROBLEMS[:2]]
    assert rows.facts == {
        **{"place": data, "config": None, "split": None, "revision": None, "rows": 2},
        "sources": {"samples": 2},
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nowhere", r"^no data at nowhere: give a folder, a file, user/name on the Hub, or 'samples'$"),
        ("dist/no/where", r"^no data at dist/no/where: .*; `make build-data` makes one in dist/dsl-debug, "),
    ],
)
def test_a_dataset_that_is_not_there_is_told(data: str, message: str) -> None:
    with pytest.raises(BadArguments, match=message):
        problem_rows(GrpoArguments(data=data))
    with pytest.raises(BadArguments, match=r"^no data at "):
        lesson_rows(SftArguments(data=data))


def test_a_prompt_that_there_is_not_is_told() -> None:
    with pytest.raises(BadArguments, match=r"^no prompt 'rude'; there is: expert, "):
        problem_rows(GrpoArguments(data="samples", prompt="rude"))


@pytest.fixture(scope="module")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a built one, with the configs `sft` and `odd`."""
    from datasets import Dataset

    place = tmp_path_factory.mktemp("dataset")
    rows = [lesson(p) for p in PROBLEMS[:3]]
    configs = {"sft": lesson_dataset(rows), "odd": Dataset.from_list([{"text": "a"}, {"text": "b"}])}
    listed = []
    for name, made in configs.items():
        (place / "data" / name).mkdir(parents=True)
        made.to_parquet(place / "data" / name / "train-00000-of-00001.parquet")
        files = [{"split": "train", "path": f"data/{name}/train-*.parquet"}]
        listed.append({"config_name": name, "data_files": files})
    (place / "README.md").write_text("---\nconfigs: " + json.dumps(listed) + "\n---\n")
    return place


def test_conversations_of_a_dataset(dataset_folder: Path) -> None:
    rows = lesson_rows(SftArguments(data=str(dataset_folder), limit=2))
    for row, problem in zip(rows.dataset, PROBLEMS[:2], strict=True):
        expected = lesson(problem)
        assert row["tools"] == expected["tools"]
        for message, other in zip(row["messages"], expected["messages"], strict=True):
            assert message == {
                "role": other["role"],
                "content": other["content"],
                "tool_calls": other.get("tool_calls") or [],
            }
    assert (rows.facts["config"], rows.facts["split"], rows.facts["rows"]) == ("sft", "train", 2)
    arguments = [c["function"]["arguments"] for m in rows.dataset[0]["messages"] for c in m["tool_calls"]]
    assert arguments == [{"code": PROBLEMS[0].buggy_code}, {"code": PROBLEMS[0].correct_code}]


def test_a_config_that_there_is_not_is_told(dataset_folder: Path) -> None:
    with pytest.raises(BadArguments, match=r"config sfd, split train: BuilderConfig 'sfd' not found"):
        lesson_rows(SftArguments(data=str(dataset_folder), data_configs=["sfd"]))
    with pytest.raises(BadArguments, match=r"config problems, split train: .*not found"):
        problem_rows(GrpoArguments(data=str(dataset_folder)))


def test_columns_that_are_not_those_of_conversations_are_told(dataset_folder: Path) -> None:
    message = r"config odd, train, row 0: no conversation, for it lacks the columns: messages, tools$"
    with pytest.raises(BadArguments, match=message):
        lesson_rows(SftArguments(data=str(dataset_folder), data_configs=["odd"]))
    with pytest.raises(BadArguments, match=r"config odd, train: these rows are no problems$"):
        problem_rows(GrpoArguments(data=str(dataset_folder), data_configs=["odd"]))


def test_tools_of_another_version_are_told(tmp_path: Path) -> None:
    from recipes.common.rows import _lesson

    row = lesson(PROBLEMS[0])
    with pytest.raises(ValueError, match=r"^x, row 0: its tools are not those of this version: build the"):
        _lesson({**row, "tools": row["tools"][:2]}, "x, row 0")
    with pytest.raises(ValueError, match=r"^no role of a message: 'narrator'$"):
        _lesson({**row, "messages": [{"role": "narrator", "content": ""}]}, "x, row 0")


# Traces as lessons


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """An evaluation of a player that solves everything, and the one of a player that solves nothing."""
    for name in ("reference", "unchanged"):
        policy = open_policy(name, ModelOptions(workers=1))
        evaluate(policy, PROBLEMS[:3], tmp_path / name, data={})
        policy.close()
    return tmp_path


def test_what_solved_its_problem_in_an_evaluation_is_learned(traces: Path) -> None:
    by_folder = lesson_rows(SftArguments(data=str(traces / "reference")))
    by_file = lesson_rows(SftArguments(data=str(traces / "reference" / "traces.jsonl"), limit=2))
    assert len(by_folder.dataset) == 3
    assert list(by_file.dataset) == list(by_folder.dataset)[:2]
    assert by_folder.facts["config"] is None
    submitted = [row["messages"][-2]["tool_calls"][0]["function"] for row in by_folder.dataset]
    assert {call["name"] for call in submitted} == {"submit"}
    assert {call["arguments"]["code"] for call in submitted} == {p.correct_code for p in PROBLEMS[:3]}


def test_what_solved_nothing_is_not_learned(traces: Path) -> None:
    with pytest.raises(BadArguments, match=r"unchanged holds nothing to learn from$"):
        lesson_rows(SftArguments(data=str(traces / "unchanged")))


def test_a_file_that_holds_no_traces_is_told(tmp_path: Path) -> None:
    (tmp_path / "traces.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(BadArguments, match=r"traces\.jsonl, line 1: "):
        lesson_rows(SftArguments(data=str(tmp_path)))


# Length


def test_conversations_that_do_not_fit_are_left_out_whole(tokenizer: Any) -> None:
    dataset = lesson_dataset([lesson(problem) for problem in PROBLEMS])
    lengths = [conversation_length(tokenizer, row) for row in dataset]
    limit = sorted(lengths)[5]
    kept, left_out = fitting(dataset, tokenizer, limit)
    assert [conversation_length(tokenizer, row) for row in kept] == [n for n in lengths if n <= limit]
    assert left_out == len(dataset) - len(kept) > 0
    assert fitting(dataset, tokenizer, None) == (dataset, 0)
    with pytest.raises(BadArguments, match=r"^all conversations are longer than 10 tokens: raise --max_leng"):
        fitting(dataset, tokenizer, 10)
