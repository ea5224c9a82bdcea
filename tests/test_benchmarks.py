"""The benchmark page is what the results say, and what players earn can be measured."""

import json
from pathlib import Path

from benchmarks.agents import measure
from benchmarks.report import render
from dsl_debug.agents import AGENTS
from dsl_debug.data import sample_problems
from dsl_debug.episode import DSLDebugEnv

ROOT = Path(__file__).resolve().parent.parent


def test_the_page_is_rendered_from_the_results() -> None:
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == render(results)


def test_players_on_the_samples() -> None:
    agents = {name: AGENTS[name] for name in ("unchanged", "constant_emitter", "reference")}
    lines = measure(agents, DSLDebugEnv(), sample_problems()).splitlines()
    found = {cells[1]: cells[2:7] for line in lines if len(cells := [c.strip() for c in line.split("|")]) > 7}
    nothing = ["0.0%", "0 of 4", "0 of 4", "0 of 4", "0.00"]
    assert found["unchanged"] == found["constant_emitter"] == nothing
    assert found["reference"] == ["100.0%", "4 of 4", "4 of 4", "4 of 4", "1.00"]
