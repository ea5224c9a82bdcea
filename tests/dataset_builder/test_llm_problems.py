"""Problems over what a model writes, certified; the generator plays the model."""

from pathlib import Path

import pytest

from dataset_builder import catalog, llm_problems
from dataset_builder.llm_problems import written_problems
from dataset_builder.mutate import mutate
from dataset_builder.problems import Made
from dataset_builder.seeding import seeded
from dataset_builder.synthesize import synthesize
from dsl_debug.lang import parse, print_program
from dsl_debug.policies.endpoint import Settings, Unavailable
from tests.scripted_endpoint import KEY, Reply, Request, endpoint, fails, says

pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")

DATABASE = catalog.generate("auction_house", seeded("written"))
WANTED = {"intent_mismatch": 1, "standard": 1}


def generator(request: Request) -> Reply:
    """A program of the generator, or its conceptual mistakes in the program of the request."""
    rng = seeded(request.body["seed"])
    if request.body["response_format"]["json_schema"]["name"] == "program":
        program = None
        while program is None:
            program = synthesize(DATABASE, DATABASE.tables, rng)
        return says({"intent": "It is for something.", "program": print_program(program)})
    code = request.body["messages"][1]["content"].split("```\n")[1].split("```")[0]
    mutant = mutate(parse(code), DATABASE.tables, "intent_mismatch", rng)
    if mutant is None:
        return says("I find none.")
    mistakes = [
        {"description": bug.description, "original": bug.original, "mutated": bug.mutated}
        for bug in mutant.bugs
    ]
    return says({"mistakes": mistakes, "buggy_program": mutant.code})


def written(url: str, folder: Path, workers: int) -> Made:
    return written_problems(Settings("m", url, folder, workers), DATABASE, WANTED)


def test_what_a_model_writes_is_certified_and_does_not_depend_on_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(llm_problems, "SURPLUS", 4)  # the generator is not lucky every time either
    with endpoint(generator) as seen:
        first, other = (written(seen.url, tmp_path / str(workers), workers) for workers in (1, 4))
    assert sorted(problem.category for problem in first.problems) == sorted(WANTED)
    assert [p.id for p in first.problems] == [p.id for p in other.problems]
    assert first.counts == other.counts
    mismatch = next(problem for problem in first.problems if problem.category == "intent_mismatch")
    assert {bug.kind for bug in mismatch.bugs} == {"conceptual"}
    assert mismatch.intent == "It is for something."
    assert mismatch.certificate["neighbours"] > 0
    assert len(mismatch.hidden) >= 2


def test_an_endpoint_that_stops_to_answer_gives_no_half_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with endpoint(lambda request: fails(500) if request.number else generator(request)) as seen:
        settings = Settings("m", seen.url, tmp_path, workers=1, retries=0)
        with pytest.raises(Unavailable, match="3 requests in a row got no answer"):
            written_problems(settings, DATABASE, WANTED)
