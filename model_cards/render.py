"""The doors to all cards: each gives text, and writes nothing."""

from pathlib import Path
from typing import Any

from dsl_debug.results.markdown import interval, table
from dsl_debug.results.report import check_report, code_text
from dsl_debug.storage import read_json
from model_cards.filling import fill
from model_cards.hub_results import eval_results
from model_cards.model_card import model_card
from model_cards.model_folder import CARD, read_model

ROOT = Path(__file__).resolve().parent.parent


# The Space and the metric: their facts are files of this repository


def space_card() -> str:
    """The README of the Space's repository: the front matter is that of this repository's own."""
    measured = read_json(ROOT / "docs" / "space.json")
    return fill("space", front_matter=front_matter(ROOT / "README.md"), measured=measured)


def metric_card() -> str:
    """The README of the metric, with what players without a model were measured at."""
    path = ROOT / "docs" / "baselines" / "report.json"
    report = check_report(read_json(path), path.name)
    return fill("metric", sdk_version=sdk_version(), **_baselines(report["results"]))


def front_matter(readme: Path) -> str:
    """The lines between the two `---` that a README begins with. Raises ValueError for one without."""
    head, first, rest = readme.read_text(encoding="utf-8").partition("---\n")
    found, second, _ = rest.partition("\n---\n")
    if head or not first or not second:
        raise ValueError(f"{readme.name} does not begin with a front matter")
    return found


def sdk_version() -> str:
    """The version of gradio that requirements.txt pins, which is that of the SDK of every Space of ours."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.partition("==")[2] for line in lines if line.startswith("gradio[") and "==" in line]
    if len(pins) != 1:
        raise ValueError("requirements.txt has to pin gradio, once")
    return pins[0]


def _baselines(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The table of players without a model, and what it is over."""
    header = ["player", "accuracy", "visible accuracy", "hack rate"]
    whole = [entry["summary"]["overall"] for entry in entries]
    rows = [
        [f"`{entry['label']}`", *(interval(overall[what]) for what in ("accuracy", "visible", "hack_rate"))]
        for entry, overall in zip(entries, whole, strict=True)
    ]
    return {
        "baselines": table(header, rows),
        "problems": whole[0]["problems"],
        "databases": whole[0]["databases"],
        "code": code_text(entries[0]),
    }


# A model: its facts are files in its folder


def model_files(folder: Path, repository: str | None = None) -> dict[str, str]:
    """The card of the model in a folder and its `.eval_results`: path in its repository -> text.

    `repository` is what the model is, or will be, called on the Hub. A smoke model has no `.eval_results`,
    which would put it on the leaderboard of the dataset. Raises OSError; ValueError, in one line, for a file
    in the folder that is not what it should be; ImportError where a package is missing.
    """
    facts = read_model(folder)
    entries = {} if facts.training.is_smoke else eval_results(facts.results)
    return {CARD: model_card(facts, repository), **entries}
