"""`python -m benchmarks.space [--quick | --check]`: how long people and agents wait for the Space.

It starts the app in a process of its own, beside a bare Gradio app with one button, and measures both in a
real Chromium, then lets 50 agents play at once, and then 50 that send the heaviest programs they can. Writes
docs/space.json and the table of docs/space.md; `--quick` measures little and prints; `--check` says whether
the table is the one of the file.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.pages import Measured, machine, measured_on, say
from benchmarks.serving import free_port, serving
from benchmarks.space_agents import TURNS, latencies, send_bombs, visitors
from dsl_debug.problem import DslProblem
from dsl_debug.results.markdown import table
from dsl_debug.storage import read_lines

ROOT = Path(__file__).resolve().parent.parent

OURS = ["app.py"]
BARE = [
    "-c",
    """
import os
import gradio as gr

with gr.Blocks(analytics_enabled=False) as demo:
    count = gr.State(0)
    button = gr.Button("Run", elem_id="play-run")
    answer = gr.HTML("<p class='bare'></p>", elem_id="play-answer")
    habits = {"api_visibility": "private", "show_progress": "hidden"}
    button.click(lambda n: (n + 1, f"<p class='bare'>{n}</p>"), count, [count, answer], **habits)
demo.launch(server_port=int(os.environ["GRADIO_SERVER_PORT"]), ssr_mode=False, quiet=True)
""",
]
"""What a process runs: the app, and a peer that does nothing but answer."""

BROWSER = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps"),
)


@dataclass(frozen=True)
class Amounts:
    """How much is measured."""

    starts: int = 3
    clicks: int = 20
    visitors: int = 50
    episodes: int = 2
    bombers: int = 50
    honest: int = 10


QUICK = Amounts(starts=1, clicks=3, visitors=5, episodes=1, bombers=5, honest=2)


def fault(results: dict[str, Any]) -> str:
    """What honest agents met that they should not: a call without an answer, or a wrong reward."""
    found = results["visitors"]
    if found["errors"] == found["wrong_rewards"] == 0:
        return ""
    told = f"{found['errors']} errors, {found['wrong_rewards']} wrong rewards"
    return f"{told}; the first: {found['first_error']}"


def measure(quick: bool) -> dict[str, Any]:
    """All figures. Raises RuntimeError where there is no Chromium or the app does not start."""
    amounts = QUICK if quick else Amounts()
    problems = sample_problems()
    results: dict[str, Any] = {"machine": machine({"Gradio": "gradio"})}
    with chromium() as browser:
        results["machine"]["versions"]["Chromium"] = browser.version
        say("cold starts")
        results["start"] = beside(lambda command: cold_starts(browser, command, amounts.starts))
        say("clicks")
        query = f"?problem={problems[0].id}"
        results["click"] = beside(lambda command: _clicks_of(browser, command, query, amounts.clicks))
        say(f"{amounts.visitors} visitors")
        with served(OURS) as app:
            results["visitors"] = visitors(app.url, problems, amounts.visitors, amounts.episodes, seed=1)
        say(f"{amounts.bombers} visitors with bombs")
        results["bombs"] = under_bombs(browser, problems, amounts)
    return results


def beside(action: Callable[[list[str]], dict[str, float]]) -> dict[str, Any]:
    """A measurement of the app and of the bare one, and the ratios of what both tell."""
    ours, bare = action(OURS), action(BARE)
    times = [name for name in ours if name.endswith(("_s", "_ms"))]
    ratios = {name: round(ours[name] / bare[name], 2) for name in times}
    return {"ours": ours, "bare": bare, "ratio": ratios}


def sample_problems() -> list[DslProblem]:
    """The problems that come with the app."""
    return [DslProblem.from_row(row) for row in read_lines(ROOT / "space" / "sample" / "problems.jsonl")]


# The app and the browser


@dataclass(frozen=True)
class Served:
    """An app that answers; `begun` is when its process was started, in seconds since 1970."""

    url: str
    begun: float


@contextmanager
def served(command: Sequence[str]) -> Iterator[Served]:
    """An app in a process of its own, from the moment when its port is open. Raises RuntimeError."""
    port = free_port()
    given = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    begun = time.time()
    with serving([sys.executable, *command], port, given):
        yield Served(f"http://127.0.0.1:{port}/", begun)


@contextmanager
def chromium() -> Iterator[Any]:
    """A real browser without a window. Raises RuntimeError where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise RuntimeError("this needs playwright: pip install playwright") from None
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise RuntimeError("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(BROWSER))
        yield browser
        browser.close()


# People: the first paint, and a click

FIRST_PAINT = """() => new Promise((done) => {
  const look = () => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    paint ? done((performance.timeOrigin + paint.startTime) / 1000) : setTimeout(look, 20);
  };
  look();
})"""

# Gradio lays a sign of its own over what is on its way: only what lies inside of an answer counts.
CLICK = """() => new Promise((done) => {
  const place = document.querySelector("#play-answer");
  const answer = () => place.querySelector(".dsl, .bare")?.outerHTML;
  const before = answer();
  const seen = new MutationObserver(() => {
    if (answer() === before) return;
    seen.disconnect();
    done(performance.now() - begun);
  });
  seen.observe(place, { childList: true, subtree: true, characterData: true });
  const begun = performance.now();
  document.querySelector("#play-run").click();
})"""

READY = """() => {
  const button = document.querySelector("#play-run");
  const game = document.querySelector("#play-head .dsl, #play-answer .bare");
  return button && !button.disabled && game && !document.querySelector("#play-page.busy");
}"""


def cold_starts(browser: Any, command: list[str], runs: int) -> dict[str, float]:
    """Medians of the seconds from the start of a process to the first paint, and to a button to click."""
    paints, ready = [], []
    for _ in range(runs):
        with served(command) as app:
            page = browser.new_page()
            page.goto(app.url)
            paints.append(page.evaluate(FIRST_PAINT) - app.begun)
            page.wait_for_function(READY, timeout=60_000)
            ready.append(time.time() - app.begun)
            page.close()
    return {"paint_s": round(median(paints), 2), "ready_s": round(median(ready), 2)}


def _clicks_of(browser: Any, command: list[str], query: str, runs: int) -> dict[str, float]:
    with served(command) as app:
        return clicks(browser, app.url + query, runs)


def clicks(browser: Any, address: str, runs: int) -> dict[str, float]:
    """Milliseconds from a click on Run to the answer in the page; a game is left before its last turn."""
    times: list[float] = []
    while len(times) < runs:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function(READY, timeout=60_000)
        page.wait_for_timeout(500)  # the page is at rest
        for _ in range(min(TURNS - 1, runs - len(times))):
            times.append(page.evaluate(CLICK))
            page.wait_for_function(READY, timeout=60_000)
        page.close()
    return latencies(times)


def under_bombs(browser: Any, problems: Sequence[DslProblem], amounts: Amounts) -> dict[str, Any]:
    """What honest agents and a person in the browser wait while others send bombs without a pause."""
    # The app ends before the threads do: nobody waits for what is left of the bombs. Clients then complain.
    with redirect_stderr(StringIO()), ThreadPoolExecutor(amounts.bombers) as threads, served(OURS) as app:
        stop = send_bombs(threads, app.url, problems, amounts.bombers)
        try:
            time.sleep(5)  # all of them are at it
            agents = visitors(app.url, problems, amounts.honest, 1, seed=2)
            person = clicks(browser, f"{app.url}?problem={problems[0].id}", min(amounts.clicks, TURNS - 1))
        finally:
            stop.set()
    return {"bombers": amounts.bombers, "agents": agents, "person": person}


# The page


def render(results: dict[str, Any]) -> str:
    """The tables and what they were measured on; every figure comes from `results`."""
    return "\n\n".join([measured_on(results["machine"]), _people(results), _agents(results)])


def _people(results: dict[str, Any]) -> str:
    rows = []
    for what, group, name, unit in (
        ("start of the process to the first paint", "start", "paint_s", "s"),
        ("start of the process to a button to press", "start", "ready_s", "s"),
        ("click on Run to the answer, median", "click", "p50_ms", "ms"),
        ("click on Run to the answer, 95th percentile", "click", "p95_ms", "ms"),
    ):
        found = results[group]
        times = [f"{found[whose][name]:,g} {unit}" for whose in ("ours", "bare")]
        rows.append([what, *times, f"{found['ratio'][name]:g}"])
    return table(["a person waits", "the Space", "a bare Gradio app with one button", "ratio"], rows)


def _agents(results: dict[str, Any]) -> str:
    alone, bombs = results["visitors"], results["bombs"]
    beside_bombs = f"beside {bombs['bombers']} with bombs"
    rows = [
        _row(f"{alone['visitors']} agents, {alone['episodes']} episodes", alone),
        _row(f"{bombs['agents']['visitors']} agents {beside_bombs}", bombs["agents"]),
        _row(f"a person who clicks Run {beside_bombs}", bombs["person"]),
    ]
    header = ["at once", "calls", "errors", "wrong rewards", "calls per second", "median", "95th percentile"]
    return table(header, rows)


def _row(name: str, found: dict[str, Any]) -> list[str]:
    counts = [found.get(what, "") for what in ("calls", "errors", "wrong_rewards", "calls_per_s")]
    return [name, *map(str, counts), f"{found['p50_ms']:,g} ms", f"{found['p95_ms']:,g} ms"]


MEASURED = Measured("space", str(__doc__), measure, render, fault)

if __name__ == "__main__":
    sys.exit(MEASURED.main())
