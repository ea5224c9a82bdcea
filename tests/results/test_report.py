"""Reports: what results say and how they compare, as JSON and as a page."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dsl_debug.results.markdown import change, interval, markdown
from dsl_debug.results.report import CHECKPOINT, Report, check_report, report
from tests.results.made import arena_result, as_model, checkpoints, published, result

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
SCRIPTS = [text for text in re.findall(r"^```sh\n(.*?)^```", DOCS, re.M | re.S) if "--data samples" in text]

AGENTS = ("unchanged", "constant_emitter", "reference")


@pytest.fixture(scope="module")
def of_agents() -> Report:
    return report([result(agent) for agent in AGENTS])


def rows(page: str, first: str) -> list[list[str]]:
    """The cells of the rows of all tables that begin with a cell, without that."""
    cells = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in page.splitlines() if line.startswith("| ")]
    return [row[1:] for row in cells if row[0] == first]


def test_a_report_is_small_json_without_outcomes(of_agents: Report) -> None:
    text = json.dumps(of_agents)
    assert json.loads(text) == of_agents
    assert check_report(of_agents, "it") == of_agents
    assert "outcomes" not in text
    assert "seconds" not in text
    assert report([result(agent) for agent in AGENTS]) == of_agents
    first = of_agents["results"][0]
    assert first["summary"] == result("unchanged")["summary"]
    assert first["data"]["place"] == "samples"


def test_the_main_table_shows_rates_with_wilson_intervals(of_agents: Report) -> None:
    page = markdown(of_agents)
    # 0 of 4: 3.8415 / (4 + 3.8415) = 49.0 %; 0 of 12: 3.8415 / 15.8415 = 24.2 %.
    few, some = "0.0 [0.0, 49.0]", "0.0 [0.0, 24.2]"
    solved, all_solved = "100.0 [51.0, 100.0]", "100.0 [75.8, 100.0]"
    assert "| policy | standard | nonlocal | intent_mismatch | all | visible | hack rate | turns |" in page
    assert rows(page, "unchanged")[0] == [few, few, few, some, some, some, "1.00"]
    assert rows(page, "constant_emitter")[0][:6] == [few, few, few, some, all_solved, all_solved]
    assert rows(page, "reference")[0] == [solved, solved, solved, all_solved, all_solved, some, "1.00"]


def test_the_page_shows_difficulties_failures_turns_tools_and_diagnosis(of_agents: Report) -> None:
    page = markdown(of_agents)
    for title in (
        "By difficulty",
        "Right on what was shown",
        "How many",
        "Failures",
        "Turns",
        "Tools",
        "Diagnosis",
    ):
        assert f"### {title}\n" in page
    assert "| policy | solved | unchanged | overfit |" in page
    assert ["0", "0", "12"] in rows(page, "constant_emitter")
    assert ["-", "-", "1.00 (100.0)"] in rows(page, "unchanged")
    assert ["12", "12", "4", "0.0"] in rows(page, "reference")
    assert "None" not in page


def test_later_results_are_compared_with_the_first_one(of_agents: Report) -> None:
    assert [(one["a"], one["b"]) for one in of_agents["comparisons"]] == [
        ("unchanged", agent) for agent in AGENTS[1:]
    ]
    tested = [one["metrics"]["accuracy"]["p"] for one in of_agents["comparisons"]]
    # Nothing and 12 of 12 problems that only one is right on: p = 2 / 2^12. Holm: twice the smaller one.
    assert tested == pytest.approx([1, 2 / 4096], rel=1e-5)
    adjusted = [one["p_holm"] for one in of_agents["comparisons"]]
    assert adjusted == pytest.approx([1, 4 / 4096], rel=1e-5)
    row = rows(markdown(of_agents), "reference")[-2]
    assert row == ["12", "0 + 0", "+100.0 [-]", "0", "12", "< 0.001", "< 0.001"]


def test_p_values_are_told_for_what_they_are(of_agents: Report) -> None:
    page = markdown(of_agents)
    assert (
        "The p-values of the second table are not adjusted; all of them take problems for independent" in page
    )


def test_an_interval_without_width_and_a_rate_that_is_not_known_are_not_shown() -> None:
    assert change({"difference": 0.5, "low": 0.5, "high": 0.5}) == "+50.0 [-]"
    assert change({"difference": 0.5, "low": -0.25, "high": 0.75}) == "+50.0 [-25.0, +75.0]"
    assert interval(None) == "-"


@pytest.mark.parametrize("databases", [9, 10])
def test_few_databases_are_warned_of(databases: int) -> None:
    played = result("reference")
    played["summary"]["overall"]["databases"] = databases
    text = "reference: 9 databases only: clustered errors and intervals of differences are too small"
    assert report([played])["warnings"].count(text) == (databases == 9)


def test_nothing_is_said_of_hacks_where_nothing_is_hidden() -> None:
    found = report([published("constant_emitter"), published("unchanged")])
    said = "constant_emitter: 12 of 12 problems have no hidden tables: accuracy is visible accuracy there"
    assert any(text.startswith(said) for text in found["warnings"])
    page = markdown(found)
    assert "Accuracy is visible accuracy: there are no hidden tables." in page
    assert "robust" not in page
    solved = "100.0 [75.8, 100.0]"
    assert rows(page, "constant_emitter")[0][-4:-1] == [solved, solved, "-"]
    assert set(rows(page, "constant_emitter, hack rate")[0]) == {"-"}
    both = markdown(report([published("unchanged"), result("reference")]))
    assert "Accuracy is robust (right on hidden tables too) where a problem has hidden tables, else" in both


def test_a_curve_and_a_study_stand_without_hack_rates() -> None:
    steps = [published("unchanged"), published("constant_emitter")]
    for step, played in enumerate(steps):
        played["policy"]["name"] = f"hf:runs/rl/checkpoint-{step}"
    prompts = [published("unchanged"), published("unchanged")]
    prompts[1]["prompt"]["name"] = "bare"
    found = report([*steps, *prompts])
    assert [point["hack_rate"] for point in found["learning_curves"][0]["points"]] == [None, None]
    assert rows(markdown(found), "bare")[-1][-2:] == ["-", "1.00"]


def test_paths_of_a_machine_are_not_in_a_report() -> None:
    names = ["/home/alice/runs/rl/checkpoint-5", "/home/alice/runs/rl/checkpoint-10", "/home/alice/model"]
    place = {"place": "/home/alice/data/test.jsonl"}
    found = report([as_model("unchanged", f"hf:{name}", data=place) for name in names])
    assert "alice" not in json.dumps(found) + markdown(found)
    assert [entry["policy"] for entry in found["results"]] == [
        "hf:rl/checkpoint-5",
        "hf:rl/checkpoint-10",
        "hf:model",
    ]
    assert found["results"][0]["data"]["place"] == "test.jsonl"
    assert found["learning_curves"][0]["parent"] == "hf:rl"


def test_runs_in_folders_of_one_name_are_two_curves() -> None:
    played = [
        as_model("unchanged", f"hf:/home/{who}/rl/checkpoint-{step}")
        for who in ("alice", "bob")
        for step in (5, 10)
    ]
    assert len(report(played)["learning_curves"]) == 2
    assert report([played[0], played[3]])["learning_curves"] == []


def test_a_run_that_went_on_with_other_code_says_so() -> None:
    found = report([result("reference", continued_with=["0.0.9 with changes"])])
    assert found["results"][0]["continued_with"] == ["0.0.9 with changes"]
    said = "reference: played by more than one revision of the code: also 0.0.9 with changes"
    assert said in found["warnings"]
    assert "went on with code 0.0.9 with changes" in markdown(found)


def test_results_without_a_common_problem_are_told_and_not_compared() -> None:
    other = result("reference")
    for row in other["outcomes"]:
        row["problem_id"] += "0"
    other["data"]["digest"] = "another"
    found = report([result("unchanged"), other])
    assert found["comparisons"] == []
    assert found["warnings"][0].startswith("not compared: unchanged and reference have no problem in common")
    assert "different problems: unchanged (samples, 12 problems" in found["warnings"][1]
    assert "reference (samples, 12 problems, digest another)" in found["warnings"][1]
    assert "## Comparisons" not in markdown(found)


def test_several_samples_show_pass_at_k() -> None:
    found = report([result("random_edit", samples=3), result("reference", samples=3)])
    page = markdown(found)
    assert "| policy | pass@1 | pass@2 | pass@3 |" in page
    assert ["100.0", "100.0", "100.0"] in rows(page, "reference")
    of_random = found["results"][0]["summary"]["overall"]["pass_at"]
    assert [f"{100 * of_random[k]:.1f}" for k in "123"] in rows(page, "random_edit")


@pytest.mark.parametrize(
    ("policy", "parent", "step"),
    [
        ("hf:runs/sft-rl/checkpoint-40", "hf:runs/sft-rl", "40"),
        ("hf:runs/rl/global_step_5/actor/huggingface", "hf:runs/rl", "5"),
        ("openai:checkpoint-15", "openai", "15"),
        ("vllm:someone/model-checkpoint-100", "vllm:someone/model", "100"),
    ],
)
def test_a_checkpoint_is_known_by_its_name(policy: str, parent: str, step: str) -> None:
    match = CHECKPOINT.fullmatch(policy)
    assert match
    assert match.groups() == (parent, step)


@pytest.mark.parametrize("policy", ["reference", "hf:runs/checkpoint", "openai:gpt-5", "hf:checkpoint-last"])
def test_other_names_are_no_checkpoints(policy: str) -> None:
    assert not CHECKPOINT.fullmatch(policy)


def test_checkpoints_of_a_run_become_a_curve_in_the_order_of_steps() -> None:
    found = report(
        [
            *checkpoints("hf:runs/rl", {100: "reference", 5: "unchanged", 20: "random_edit"}),
            *checkpoints("hf:runs/other", {5: "reference"}),
            as_model("reference", "hf:runs/rl/checkpoint-40", prompt="bare"),
        ]
    )
    (curve,) = found["learning_curves"]
    assert curve["parent"] == "hf:runs/rl"
    assert [point["step"] for point in curve["points"]] == [5, 20, 100]
    assert [point["overall"]["rate"] for point in curve["points"]] == [0, 0, 1]
    assert curve["points"][2]["by_category"]["nonlocal"]["low"] == pytest.approx(0.510, abs=1e-3)
    assert rows(markdown(found), "100")[-1][:2] == ["100.0 [51.0, 100.0]", "100.0 [51.0, 100.0]"]


def test_results_that_differ_in_the_prompt_alone_are_a_study() -> None:
    played = {"expert": "random_edit", "bare": "reference", "pitfalls": "unchanged"}
    results = [as_model(agent, "openai:tiny", prompt) for prompt, agent in played.items()]
    elsewhere = as_model("reference", "openai:tiny", "reference", data={"digest": "another"})
    found = report([*results, elsewhere, result("reference")])
    (study,) = found["prompt_study"]
    assert (study["policy"], study["problems"], study["seed"]) == ("openai:tiny", 12, 0)
    assert [(row["prompt"], row["best"]) for row in study["rows"]] == [
        ("expert", False),
        ("bare", True),
        ("pitfalls", False),
    ]
    page = markdown(found)
    assert "## Prompt study of openai:tiny" in page
    assert rows(page, "bare (best)")[0][3] == "100.0 [75.8, 100.0]"


def test_no_prompt_is_best_where_all_do_alike() -> None:
    found = report([as_model("unchanged", "openai:tiny", prompt) for prompt in ("expert", "bare")])
    assert [row["best"] for row in found["prompt_study"][0]["rows"]] == [False, False]


def test_warnings_tell_what_makes_results_hard_to_compare() -> None:
    cut = result("unchanged", samples=2, policy={"name": "openai:tiny", "settings": {"temperature": 0}})
    cut["summary"]["stopped"] = {"timed out": 3, "too long": 1}
    old = result("reference", code={"version": "0.0.9", "revision": "f" * 40, "modified": True})
    old["arguments"]["max_turns"] = 4
    found = report([cut, old])
    together = "\n".join(found["warnings"])
    assert "4 of 24 episodes were stopped and count as failed (3 timed out, 1 too long)" in together
    assert "--retry-stopped" in together
    assert "openai:tiny: 2 samples of a greedy policy (temperature 0) are nearly the same" in together
    assert "different code: openai:tiny (version 0.1.0" in together
    assert "reference (version 0.0.9, revision ffffffffffff)" in together
    assert "numbers of turns allowed: openai:tiny (the environment's own); reference (4)" in together
    assert "different numbers of samples: openai:tiny (2); reference (1)" in together
    assert "files had been changed since the revision of the code" in together
    page = markdown(found)
    assert (
        page.index("Before you read on") < page.index("files had been changed") < page.index("## DSL Debug")
    )


def test_a_name_cannot_break_the_page() -> None:
    name = "hf:a|b\n<img src=x> `c` *d* [e](f)"
    page = markdown(report([as_model("unchanged", name), result("reference")]))
    assert rows(page, r"hf:a\|b \<img src=x> \`c\` \*d\* \[e\](f)")[0][0] == "0.0 [0.0, 49.0]"
    header = next(line for line in page.splitlines() if line.startswith("| policy"))
    line = next(line for line in page.splitlines() if line.startswith("| hf:a"))
    assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"(?<!\\)\|", header))


def test_results_of_the_arena_show_signals_and_difficulties() -> None:
    page = markdown(report([arena_result("unchanged"), arena_result("reference")]))
    header = next(line for line in page.splitlines() if line.startswith("| policy"))
    assert header.startswith("| policy | easy |")
    assert header.endswith("| all | visible | hack rate | reward | r1 | r2 | r3 | r4 | turns |")
    assert rows(page, "reference")[0][-6:] == ["3.20", "1.00", "2.00", "0.20", "0.00", "1.00"]
    assert "## DebugArena" in page
    assert "### By category" in page
    assert "Diagnosis" not in page


def test_what_is_no_result_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^a report needs at least one result$"):
        report([])
    unfinished = {name: value for name, value in result("reference").items() if name != "summary"}
    with pytest.raises(ValueError, match=r"^result 2 is no finished result file: it lacks summary$"):
        report([result("reference"), unfinished])
    with pytest.raises(ValueError, match=r"^r\.json is no report of version 1: make it with"):
        check_report({"schema_version": 1}, "r.json")


def test_the_commands_of_the_docs_that_need_no_model_run(tmp_path: Path) -> None:
    pytest.importorskip("click", reason="needs click: pip install 'dsl-debug[cli]'")
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'dsl-debug[eval]'")
    where = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": where, "PYTHONPATH": str(ROOT)}
    command = ["bash", "-euc", "".join(SCRIPTS)]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stderr
    made = sorted(path.parent.name for path in tmp_path.glob("results/*/*.json") if path.stem != "run")
    assert made == ["constant_emitter", "reference", "report", "rescored", "unchanged"]
