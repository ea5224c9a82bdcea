import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random

import pytest

from dataset_builder.checking.remarks import unsupported
from dataset_builder.experts import Failed, recorded, reference_trajectory
from dataset_builder.reference_teacher.changes import changes
from dataset_builder.reference_teacher.facts import contents, differences, fact, names, symptom
from dataset_builder.reference_teacher.phrases import PHRASES
from dataset_builder.reference_teacher.words import Voice
from dataset_builder.seeding import seeded
from dsl_debug.agents.seen import Seen, read_prompt, read_table
from dsl_debug.data import sample_problems
from dsl_debug.episode import DSLDebugEnv, messages
from dsl_debug.evaluation import TRACES, evaluate
from dsl_debug.lang import STANDARD, Dialect, Table, parse, print_program
from dsl_debug.policies.agents import AgentPolicy
from dsl_debug.policies.base import Unusable
from dsl_debug.problem import DslProblem, load_published
from dsl_debug.storage import read_lines

ROOT = Path(__file__).resolve().parents[2]


def in_dialect(problem, rng):
    dialect = Dialect.random(rng)
    code = [print_program(parse(c), dialect) for c in (problem.buggy_code, problem.correct_code)]
    return replace(problem, buggy_code=code[0], correct_code=code[1], dialect=dialect)


def parsing(problems):
    """Those whose buggy program parses, so that it can be written in a dialect."""
    return [p for p in problems if "\n  sort_by" not in p.buggy_code]


@lru_cache(maxsize=1)
def played():
    """(problem, trajectory): every sample problem several times, in the standard words and in dialects."""
    problems = sample_problems() * 12
    problems += [in_dialect(p, Random(i)) for i, p in enumerate(parsing(sample_problems()) * 2)]
    return [(p, reference_trajectory(p, seeded("test", i))) for i, p in enumerate(problems)]


def said(trajectory):
    return [m["content"] for m in trajectory.messages if m["role"] == "assistant"]


def problem_named(part):
    return next(p for p in sample_problems() if part in p.buggy_code)


# Trajectories


def test_every_trajectory_of_the_reference_teacher_succeeds():
    assert all(t.reward == 1.0 and t.teacher == "reference" and t.problem_id == p.id for p, t in played())


def test_no_remark_says_what_was_not_shown():
    assert [found for _, t in played() for found in unsupported(t.messages)] == []


def test_a_trajectory_begins_with_the_prompt_and_ends_with_the_answer_to_a_submission():
    for problem, trajectory in played():
        assert list(trajectory.messages[:2]) == messages(problem)
        assert trajectory.messages[-1] == {"role": "tool", "name": "submit", "content": "Correct."}
        assert trajectory.turns == len(said(trajectory))


def test_answers_are_what_an_agent_with_the_same_calls_would_get():
    for problem, trajectory in played()[::5]:
        env = DSLDebugEnv()
        env.reset(problem)
        chat = list(trajectory.messages[2:])
        while chat:
            calls = [call["function"] for call in chat.pop(0)["tool_calls"]]
            answers = [chat.pop(0)["content"] for _ in calls]
            if len(calls) == 1:
                step = env.call(calls[0]["name"], **calls[0]["arguments"])
                assert answers == [step.observation]
            else:
                step = env.step(json.dumps(calls))
                assert answers == [result["observation"] for result in step.info["results"]]
                assert step.observation.endswith(answers[-1])
        assert env.done


def test_turns_vary_from_two_to_eight():
    turns = [t.turns for _, t in played()]
    assert min(turns) == 2
    assert max(turns) == 8
    assert 4 <= sum(turns) / len(turns) <= 5.2


def test_tools_and_ways_vary():
    used = {c["function"]["name"] for _, t in played() for m in t.messages for c in m.get("tool_calls", ())}
    assert used == {"run", "inspect", "read_docs", "submit"}
    runs = [sum(m.get("name") == "run" for m in t.messages) for _, t in played()]
    assert len(set(runs)) >= 3
    assert any(len(m.get("tool_calls", ())) > 1 for _, t in played() for m in t.messages)


def test_no_two_trajectories_are_alike_and_few_remarks_are():
    talks = [tuple(said(t)) for _, t in played()]
    assert len(set(talks)) == len(talks)
    remarks = [remark for talk in talks for remark in talk]
    assert len(set(remarks)) > 0.9 * len(remarks)


def test_one_seed_gives_one_trajectory_whatever_the_hash_seed():
    code = (
        "import hashlib, json; from dsl_debug.data import sample_problems\n"
        "from dataset_builder.experts import reference_trajectory\n"
        "from dataset_builder.seeding import seeded\n"
        "t = [reference_trajectory(p, seeded('x', i)).messages for i, p in enumerate(sample_problems())]\n"
        "print(hashlib.sha256(json.dumps(t).encode()).hexdigest())"
    )
    digests = set()
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, check=False)
        digests.add(run.stdout.strip() or run.stderr)
    assert len(digests) == 1
    assert len(digests.pop()) == hashlib.sha256().digest_size * 2


@pytest.mark.parametrize("max_turns", [1, 2, 3])
def test_a_small_budget_of_turns_is_kept(max_turns):
    for i, problem in enumerate(sample_problems()):
        trajectory = reference_trajectory(problem, seeded(i), max_turns)
        assert trajectory.turns <= max_turns
        assert unsupported(trajectory.messages) == []


def test_a_problem_whose_correct_program_is_wrong_gives_no_trajectory():
    problem = sample_problems()[0]
    broken = replace(problem, correct_code=problem.buggy_code.replace("take(3)", "take(1)"))
    with pytest.raises(Failed, match=broken.id):
        reference_trajectory(broken, seeded(1))


def test_a_problem_with_expected_rows_that_cannot_be_read_gives_no_trajectory():
    problem = replace(sample_problems()[0], expected_output=Table({}))
    with pytest.raises(Failed, match="prompt"):
        reference_trajectory(problem, seeded(1))


def test_odd_values_do_no_harm():
    rows = {"name": ["`a`", 'say "hi"', "x | y", "", "12", "[b|c]", "{d}"], "n": [1, 2.5, -3, 4, 5, 6, 7]}
    correct = 'odd = load("odd")\n  |> filter(name != "`a`")\n  |> sort_by(n, desc)\nemit odd\n'
    buggy = correct.replace('"`a`"', '"{d}"').replace("desc", "asc")
    expected = Table({"name": ["{d}", "[b|c]", "12", "", 'say "hi"', "x | y"], "n": [7, 6, 5, 4, 2.5, -3]})
    problem = DslProblem("standard", "easy", "db", "test", buggy, correct, {"odd": Table(rows)}, expected)
    for seed in range(30):
        assert unsupported(reference_trajectory(problem, seeded(seed)).messages) == []


def test_published_problems_work(published_dir):
    problems = load_published(published_dir / "test_nonlocal_sample.parquet")[:45]
    problems += load_published(published_dir / "test_intent_mismatch_sample.parquet")[:45]
    for i, problem in enumerate(problems):
        trajectory = reference_trajectory(problem, seeded("published", i))
        assert trajectory.reward == 1.0
        assert unsupported(trajectory.messages) == []


def test_the_teacher_reads_about_a_dialect_before_anything_else():
    spoken = [(p, t) for p, t in played() if p.dialect != STANDARD]
    assert spoken
    for _, trajectory in spoken:
        first = trajectory.messages[2]["tool_calls"][0]["function"]
        assert first == {"name": "read_docs", "arguments": {"operation": "overview"}}


# What remarks claim is true

_CLAIMS = {
    r"([\d,]+) rows? came out": "given",
    r"(?:gives|output has)(?: only)? ([\d,]+) rows?, but": "given",
    r"[Tt]oo (?:few|many) rows: ([\d,]+) rows? instead": "given",
    r"expected output has(?: only)? ([\d,]+)": "goal",
    r"expected ([\d,]+) rows?": "goal",
    r"rows? instead of ([\d,]+)": "goal",
    r"` (?:has|holds|comes to) ([\d,]+) rows?": "given",
}


def test_counts_that_remarks_name_are_those_of_the_last_answer_and_of_the_prompt():
    claims = 0
    for problem, trajectory in played():
        goal = read_prompt(messages(problem)[1]["content"]).goal
        given: list[int] = []
        for message in trajectory.messages:
            if message["role"] == "tool":
                seen = read_table(message["content"])
                given.append(seen.rows if seen else -1)
            elif message["role"] == "assistant":
                for pattern, which in _CLAIMS.items():
                    for count in re.findall(pattern, message["content"]):
                        claims += 1
                        assert int(count) in (given if which == "given" else [goal.rows]), message["content"]
                given = []
    assert claims > 100


def test_success_is_claimed_only_where_the_rows_shown_are_the_expected_ones():
    for problem, trajectory in played():
        goal = read_prompt(messages(problem)[1]["content"]).goal
        answer = next((m for m in reversed(trajectory.messages[:-2]) if m["role"] == "tool"), None)
        assert answer is not None
        seen = read_table(answer["content"])
        assert seen is not None
        assert seen.matches(goal)


def seen(**columns):
    table = Table(columns)
    return Seen(table, table.length)


def test_differences_name_what_differs():
    goal = seen(name=["a", "b", "c"], n=[1, 2, 3])
    assert differences(goal, goal) == []
    assert symptom(goal, goal) == "nothing"
    fewer = differences(seen(name=["a", "b"], n=[1, 2]), goal)
    assert fewer[0] == fact("rows_fewer", given="2 rows", goal="3 rows", n="3")
    other = differences(seen(name=["c", "b", "a"], n=[3, 2, 1]), goal)
    assert "order" in [f.key for f in other]
    values = differences(seen(name=["a", "b", "c"], n=[1, 9, 3]), goal)
    assert fact("cell_keyed", key="name", value="b", column="n", given="9", goal="2") in values
    missing = differences(seen(name=["a", "b", "c"]), goal)
    assert missing[0] == fact("columns_missing", missing="`n`")


def test_a_row_is_named_by_a_value_only_if_no_other_row_has_it():
    found = differences(seen(name=["a", "a"], n=[1, 5]), seen(name=["a", "a"], n=[1, 2]))
    assert fact("cell_placed", place="second", column="n", given="5", goal="2") in found


def test_order_is_not_claimed_where_rows_are_hidden_from_view():
    table = Table({"n": [2, 1]})
    assert "order" not in [f.key for f in differences(Seen(table, 30), Seen(Table({"n": [1, 2]}), 30))]


def test_contents_of_a_table_that_is_cut_are_claimed_for_the_rows_shown_only():
    whole, cut = Seen(Table({"k": ["x", "y"]}), 2), Seen(Table({"k": ["x", "y"]}), 50)
    assert contents("t", whole, ["k"])[1].slots["where"] == ""
    assert contents("t", cut, ["k"])[1].slots["where"] == " in the rows shown"


def test_a_list_of_many_names_says_that_there_are_others():
    assert names("abc") == "`a`, `b` and `c`"
    assert names("abcdefg").endswith("`e` and others")


# Changes


def test_changes_lead_from_the_buggy_program_to_the_correct_one():
    for problem in sample_problems():
        found = changes(problem)
        assert parse(found[-1].code) == parse(problem.correct_code)
        assert len(found) >= len(problem.bugs)


def test_a_missing_pipe_is_a_change_of_its_own_kind():
    assert [c.kind for c in changes(problem_named("\n  sort_by(days"))] == ["pipe"]


# The check on remarks


def talk(remark, code="", answer="name | n\n-----+--\nAda  | 1234\n(1 row)"):
    call = {"type": "function", "function": {"name": "run", "arguments": {"code": code}}}
    return [
        {"role": "user", "content": "filter(price > 5) of table stock"},
        {"role": "tool", "name": "run", "content": answer},
        {"role": "assistant", "content": remark, "tool_calls": [call]},
    ]


@pytest.mark.parametrize(
    "remark",
    [
        "`price` is compared with 5 in `filter(price > 5)`.",
        "There is 1 row, with `Ada` and 1,234.",
        'It says "filter(price > 5) of table stock".',
        "Nothing is quoted here.",
    ],
)
def test_supported_remarks_pass(remark):
    assert unsupported(talk(remark)) == []


@pytest.mark.parametrize(
    "remark",
    [
        "`cost` is wrong.",
        "`filter(price < 5)` is wrong.",
        "There are 7 rows.",
        "There are 5 rows.",
        "I see 12 in it.",
        "`Ada Lovelace` comes first.",
        'It says "table stock is empty".',
        "The column total_price is missing.",
        "`price` is `6`.",
    ],
)
def test_inventions_are_found(remark):
    assert len(unsupported(talk(remark))) >= 1


def test_a_proposed_change_may_be_named_but_numbers_in_plain_words_may_not_come_from_it():
    assert unsupported(talk("I try `price > 9`.", code="filter(price > 9)")) == []
    assert unsupported(talk("There are 9 rows.", code="filter(price > 9)")) != []


def test_what_is_shown_later_or_only_said_does_not_count():
    later = [*talk("`total` is what I expect."), {"role": "tool", "name": "run", "content": "total"}]
    assert unsupported(later) != []
    said_before = [*talk("I think of `total`.", code="total"), *talk("`total2`?"), *talk("`total2` again.")]
    assert len(unsupported(said_before)) == 2


def test_arguments_may_be_json_text():
    chat = talk("I try `price > 9`.")
    chat[-1]["tool_calls"][0]["function"]["arguments"] = '{"code": "filter(price > 9)"}'
    assert unsupported(chat) == []


# Wording


class Anything(dict):
    def __missing__(self, key):
        return f"<{key}>"


def test_phrases_hold_no_numbers_and_no_names_of_their_own():
    for phrases in PHRASES.values():
        for phrase in phrases:
            plain = re.sub(r"\{\w+\}", "", phrase)
            assert not re.search(r"\d|_", plain), phrase
            assert re.findall(r"`(?!\{)[^`]*`", re.sub(r"`\{\w+\}`", "", phrase)) == [], phrase


def test_phrases_expand_to_whole_sentences():
    voice = Voice(Random(0))
    for key in PHRASES:
        for _ in range(25):
            text = voice.say(key, Anything())
            assert not re.search(r"[\[\]|]|  | [,.;:]", text), text
            assert text[-1] in '.?:!"', text


# Other recordings


@pytest.mark.parametrize(("agent", "reward"), [("unchanged", 0.0), ("reference", 1.0)])
def test_agents_without_a_model_are_recorded_whatever_they_earn(agent, reward):
    row = recorded(agent, sample_problems()[0], 1)
    assert (row["reward"], row["policy"], row["turns"], row["seconds"]) == (reward, agent, 1, 0.0)
    assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant", "tool"]
    assert row == recorded(agent, sample_problems()[0], 1)


def test_a_recorded_search_has_one_answer_per_call():
    row = recorded("search", sample_problems()[0], 1)
    assert sum(m["role"] == "tool" for m in row["messages"]) == sum(row["calls"].values())
    assert row["turns"] > 1


def test_what_is_recorded_is_what_an_evaluation_with_this_seed_plays(tmp_path):
    facts = {"place": "samples", "config": None, "split": None, "revision": None, "limit": None}
    evaluate(AgentPolicy("random_edit"), sample_problems()[:3], tmp_path, data=facts, seed=5)
    lines = [row | {"seconds": 0.0} for row in read_lines(tmp_path / TRACES)]
    played = [{name: value for name, value in row.items() if name != "code"} for row in lines]
    assert played == [json.loads(json.dumps(recorded("random_edit", p, 5))) for p in sample_problems()[:3]]


def test_an_unknown_agent_is_an_error():
    with pytest.raises(Unusable, match="no agent 'nobody'"):
        recorded("nobody", sample_problems()[0], 1)
