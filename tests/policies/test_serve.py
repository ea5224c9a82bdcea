"""A real model server on this machine, evaluated end to end: `transformers serve` with the tiny model."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks.serving import free_port
from benchmarks.serving import serving as served
from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.data import sample_problems
from dsl_debug.episode import schemas
from dsl_debug.evaluation import evaluate, load_result, read_traces
from dsl_debug.policies import open_policy
from dsl_debug.policies.base import ModelOptions, Problem, Setup, new_env
from dsl_debug.policies.tokens import load_chat_tokens, prompt_ids
from recipes.common.tiny import make_tiny_model

for package in ("torch", "transformers", "openai", "fastapi", "uvicorn"):
    pytest.importorskip(
        package, reason=f"a local server needs {package}: pip install 'transformers[serving]'"
    )

pytestmark = pytest.mark.slow


@contextmanager
def serving(folder: Path, log: Path) -> Iterator[str]:
    """The address of a server of the model in a folder; it ends with the block, whatever happens in it."""
    port = free_port()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    command += ["--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with served(command, port, environment, log=log):
        yield f"http://127.0.0.1:{port}/v1"


def tokens_read(tokenizer: Any, problem: Problem, messages: Sequence[Mapping[str, Any]]) -> int:
    """How many tokens a local model would have read in all turns of an episode."""
    tools = schemas(new_env(problem).tools)
    turns = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    return sum(len(prompt_ids(tokenizer, messages[:place], tools)) for place in turns)


def test_a_real_server_is_evaluated_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none-is-needed")
    folder, problems = make_tiny_model(tmp_path / "tiny"), sample_problems()[:3]
    options = ModelOptions(temperature=0.0, max_tokens=16, workers=2)

    def run(out: Path, url: str, played: Sequence[Problem]) -> dict[str, Any]:
        policy = open_policy(f"openai:{folder}@{url}", options)
        try:
            return evaluate(policy, played, out, data={}, samples=2, setup=Setup(max_turns=2))
        finally:
            policy.close()

    with serving(folder, tmp_path / "log") as url:
        result = run(tmp_path / "out", url, problems)
        again = run(tmp_path / "out", url, problems)
        arena = run(tmp_path / "arena", url, hand_written_problems()[:1])
    assert again == result == load_result(tmp_path / "out")
    rows = result["outcomes"]
    assert [(row["problem_id"], row["sample"]) for row in rows] == [
        (p.id, s) for p in problems for s in (0, 1)
    ]
    assert [row["stopped"] for row in rows] == [""] * 6, (tmp_path / "log").read_text()[-2000:]
    assert [row["turns"] for row in rows] == [2] * 6
    assert all(0 < row["tokens"] <= 32 for row in rows)
    assert result["summary"]["overall"]["episodes"] == 6
    tokenizer = load_chat_tokens(str(folder), "x", options).tokenizer
    known = {problem.id: problem for problem in [*problems, *hand_written_problems()[:1]]}
    for place, found in ((tmp_path / "out", result), (tmp_path / "arena", arena)):
        traces = read_traces(place)
        for row in found["outcomes"]:
            trace = traces[row["problem_id"], row["sample"]]
            assert row["turns"] == 2, "the second prompt holds the first message and its answer"
            assert row["prompt_tokens"] == tokens_read(
                tokenizer, known[row["problem_id"]], trace["messages"]
            ), "what the server read is not what local models read"
