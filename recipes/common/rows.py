"""Datasets as trainers take them: problems for GRPO, conversations for supervised training.

Prompts are made from the problems, by the function that evaluation uses, and not read from the dataset: what
a model is trained on is, token for token, what it is later asked. Hidden tables and tests travel in columns
of their own to the environment's `reset`, and no prompt is made of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from dsl_debug.data.loading import commit_of, load_data, rows_of
from dsl_debug.episode import TOOLS, schemas
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.episode.python_trl import PythonDebugToolEnv
from dsl_debug.episode.trl import DSLDebugToolEnv
from dsl_debug.evaluation import TRACES, read_traces
from dsl_debug.policies.base import Problem, new_env, prompt_messages
from dsl_debug.problem import COLUMNS, ENVIRONMENT, PYTHON_COLUMNS, PYTHON_ENVIRONMENT
from dsl_debug.scoring import reward_function
from recipes.common.arguments import BadArguments, GrpoArguments, RecipeArguments, SftArguments, one_line

Row = Mapping[str, Any]

ROLES = ("system", "user", "assistant", "tool")


class Rows(NamedTuple):
    """A dataset, and in `facts` where it comes from, as `training.json` tells it."""

    dataset: Any
    facts: dict[str, Any]


# Problems


def environments(
    reward: str = "robust",
    max_turns: int | None = None,
    python: type[PythonDebugToolEnv] = PythonDebugToolEnv,
) -> dict[str, Callable[[], DSLDebugToolEnv | PythonDebugToolEnv]]:
    """TRL's `environment_factory` for both environments; a row says in `environment` which one is its own.

    `reward` is what the programs earn; the arena, played in an environment of the class `python`, always pays
    the sum of its signals. Raises ValueError for a kind of reward that there is not.
    """
    reward_function(reward)
    turns = {} if max_turns is None else {"max_turns": max_turns}
    return {
        ENVIRONMENT: partial(DSLDebugToolEnv, reward_kind=reward, **turns),
        PYTHON_ENVIRONMENT: partial(python, **turns),
    }


def problem_rows(arguments: GrpoArguments) -> Rows:
    """The problems of all configs that were asked for, each with its prompt. Raises BadArguments."""
    problems: list[Problem] = []
    facts: dict[str, Any] = {}
    for config in arguments.data_configs:
        try:
            data = load_data(
                arguments.data, config, arguments.data_split, arguments.data_revision, arguments.limit
            )
        except (ValueError, ImportError) as error:
            raise BadArguments(_advised(arguments.data, one_line(error))) from None
        problems += data.problems
        facts = data.facts
        if facts["config"] is None:  # a file has no configs
            break
    try:
        dataset = problem_dataset(problems, arguments.max_turns, arguments.prompt)
    except ValueError as error:
        raise BadArguments(one_line(error)) from None
    told = _facts(arguments, len(problems), facts["revision"], facts["config"] is not None)
    return Rows(dataset, told | {"sources": dict(Counter(problem.source for problem in problems))})


def problem_dataset(
    problems: Iterable[Problem], max_turns: int | None = None, prompt: str = DEFAULT_PROMPT
) -> Any:
    """One row per problem: its prompt, its environment, and all that `reset` needs.

    Raises ValueError for a system prompt that there is not.
    """
    from datasets import Dataset

    rows = [problem_row(problem, max_turns, prompt) for problem in problems]
    columns = problem_columns(rows)
    filled = [{name: row.get(name) for name in columns} for row in rows]
    return Dataset.from_list(filled, features=columns)


def problem_row(problem: Problem, max_turns: int | None, prompt: str) -> dict[str, Any]:
    """The row of one problem."""
    turns = new_env(problem, max_turns).max_turns
    return {**problem.to_row(), "prompt": prompt_messages(problem, turns, prompt)}


def problem_columns(rows: Iterable[Row]) -> Any:
    """The columns of these rows with their types; where environments are mixed, a row lacks the others'."""
    from datasets import Features, List, Value

    names = dict.fromkeys(name for row in rows for name in row)
    kinds = {**PYTHON_COLUMNS, **COLUMNS}
    plain = {str: "string", int: "int64"}
    nested = {
        "prompt": List({"role": Value("string"), "content": Value("string")}),
        "bugs": List(
            {
                **{name: Value("string") for name in ("kind", "description", "original", "mutated")},
                **{name: Value("int64") for name in ("line", "stages_to_emit")},
            }
        ),
    }
    return Features({name: nested.get(name) or Value(plain[kinds[name]]) for name in names})


# Conversations


def lesson_rows(arguments: SftArguments) -> Rows:
    """Conversations to learn from: the config `sft` of a dataset, or what solved a problem in an evaluation.

    `data` is a dataset, or the traces of an evaluation, or its folder. Raises BadArguments.
    """
    place = Path(arguments.data)
    is_dataset = not place.is_file() and not (place / TRACES).is_file()
    try:
        if is_dataset:
            revision, rows = _lessons_of_dataset(arguments)
        else:
            revision, rows = None, list(solved_traces(place))[: arguments.limit]
    except (ValueError, ImportError, OSError) as error:
        raise BadArguments(_advised(arguments.data, one_line(error))) from None
    if not rows:
        raise BadArguments(f"{arguments.data} holds nothing to learn from")
    return Rows(lesson_dataset(rows), _facts(arguments, len(rows), revision, is_dataset))


def _lessons_of_dataset(arguments: SftArguments) -> tuple[str | None, list[dict[str, Any]]]:
    place = arguments.data
    if not Path(place).is_dir() and place.count("/") != 1:
        raise ValueError(f"no data at {place}: give a folder, traces.jsonl, or user/name on the Hub")
    revision = None if Path(place).is_dir() else commit_of(place, arguments.data_revision)
    rows: list[dict[str, Any]] = []
    for config in arguments.data_configs:
        found = rows_of(place, config, arguments.data_split, revision, arguments.limit)
        where = f"{place}, config {config}, {arguments.data_split}"
        rows += [_lesson(row, f"{where}, row {number}") for number, row in enumerate(found)]
    return revision, rows


def _lesson(row: Row, where: str) -> dict[str, Any]:
    """A row of the config `sft`, as a trainer takes it. Raises ValueError for one that is none."""
    missing = [column for column in ("messages", "tools") if column not in row]
    if missing:
        raise ValueError(f"{where}: no conversation, for it lacks the columns: {', '.join(missing)}")
    if row["tools"] != schemas(TOOLS):
        raise ValueError(f"{where}: its tools are not those of this version: build the dataset anew")
    return {"messages": [_plain(message) for message in row["messages"]], "tools": row["tools"]}


def solved_traces(place: Path) -> Iterable[dict[str, Any]]:
    """The conversations of an evaluation that solved their problem, in the order of the traces.

    Raises ValueError, naming the file, for one that holds something else.
    """
    for trace in read_traces(place).values():
        if trace["robust"] and trace["environment"] == ENVIRONMENT:
            yield {"messages": [_plain(message) for message in trace["messages"]], "tools": schemas(TOOLS)}


def _plain(message: Row) -> dict[str, Any]:
    """A message with the same keys as all others."""
    if message["role"] not in ROLES:
        raise ValueError(f"no role of a message: {message['role']!r}")
    calls = [
        {"type": "function", "function": {name: call["function"][name] for name in ("name", "arguments")}}
        for call in message.get("tool_calls") or ()
    ]
    return {"role": message["role"], "content": message["content"] or "", "tool_calls": calls}


def lesson_dataset(rows: Sequence[Row]) -> Any:
    """Conversations with their tools. Arguments and schemas are `Json`: anything else would fill in nulls."""
    from datasets import Dataset, Features, Json, List, Value

    call = {"type": Value("string"), "function": {"name": Value("string"), "arguments": Json()}}
    message = {"role": Value("string"), "content": Value("string"), "tool_calls": List(call)}
    return Dataset.from_list(list(rows), features=Features({"messages": List(message), "tools": Json()}))


def fitting(dataset: Any, tokenizer: Any, max_length: int | None) -> tuple[Any, int]:
    """The conversations that fit, and how many do not: cut at the end, they would lose the submission.

    Raises BadArguments where none fits.
    """
    if max_length is None:
        return dataset, 0
    places = [n for n, row in enumerate(dataset) if conversation_length(tokenizer, row) <= max_length]
    if not places:
        raise BadArguments(f"all conversations are longer than {max_length} tokens: raise --max_length")
    return dataset.select(places), len(dataset) - len(places)


def conversation_length(tokenizer: Any, row: Row) -> int:
    """Tokens of a whole conversation."""
    return len(
        tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=True, return_dict=False)
    )


# Facts


def _facts(arguments: RecipeArguments, rows: int, revision: str | None, is_dataset: bool) -> dict[str, Any]:
    """Only datasets have configs and splits."""
    return {
        "place": arguments.data,
        "config": ", ".join(arguments.data_configs) if is_dataset else None,
        "split": arguments.data_split if is_dataset else None,
        "revision": revision,
        "rows": rows,
    }


def _advised(place: str, message: str) -> str:
    """The message, with what helps against a dataset that is not there."""
    if Path(place).exists() or "/" not in place:
        return message
    return f"{message}; `make build-data` makes one in dist/dsl-debug, for --data dist/dsl-debug"
