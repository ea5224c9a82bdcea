"""The cards of this repository itself: those of the metric and of the Space; and the command `render`."""

import re
from pathlib import Path

import pytest

pytest.importorskip("jinja2", reason="needs jinja2: pip install 'dsl-debug[build]'")
pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")
pytest.importorskip("click", reason="needs click: pip install 'dsl-debug[cli]'")

from huggingface_hub import SpaceCard

from model_cards.cli import run_command
from model_cards.render import front_matter, metric_card, sdk_version, space_card
from tests.model_cards.made import ROOT

METRIC = ROOT / "metrics" / "dsl_debug" / "README.md"


def test_the_committed_card_of_the_metric_is_what_is_rendered() -> None:
    assert METRIC.read_text(encoding="utf-8") == metric_card(), (
        "run: python -m model_cards render metric --out metrics/dsl_debug/README.md"
    )


def test_the_metric_shows_measured_baselines_with_intervals() -> None:
    text = metric_card()
    assert SpaceCard(text).data.sdk_version == sdk_version()
    assert re.search(r"\| `constant_emitter` \| 0\.0 \[0\.0, 0\.4\] \| 99\.7 \[99\.0, 99\.9\] \|", text)


def test_the_space_has_the_front_matter_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert front_matter(ROOT / "README.md") == readme.split("---\n")[1].removesuffix("\n")
    ours, theirs = SpaceCard(space_card()).data.to_dict(), SpaceCard(readme).data.to_dict()
    assert ours == theirs
    assert ours["sdk_version"] == sdk_version()
    assert len(ours["short_description"]) <= 60
    assert (ROOT / ours["app_file"]).is_file()


def test_every_tab_of_the_space_that_is_named_exists() -> None:
    pytest.importorskip("gradio", reason="needs gradio: pip install 'dsl-debug[space]'")
    from space.ui import TABS

    named = set(re.findall(r"\*\*([A-Z]\w+)\*\*", space_card()))
    assert named
    assert {name.lower() for name in named} <= set(TABS)


def test_a_readme_without_front_matter_is_told(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Title\n")
    with pytest.raises(ValueError, match=r"README\.md does not begin with a front matter"):
        front_matter(tmp_path / "README.md")


# ---- the command line


def test_cards_are_printed_or_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["render", "metric"]) == 0
    assert capsys.readouterr().out == metric_card()
    assert run_command(["render", "space", "--out", str(tmp_path / "SPACE.md")]) == 0
    assert (tmp_path / "SPACE.md").read_text(encoding="utf-8") == space_card()
    out = tmp_path / "cards"
    assert run_command(["render", str(folder), "--repo", "user/m", "--out", str(out)]) == 0
    assert f"wrote {out / 'README.md'}" in capsys.readouterr().out
    assert (out / ".eval_results" / "user--dsl-debug.yaml").is_file()
    assert run_command(["render", str(folder), "--repo", "user/m"]) == 0
    assert capsys.readouterr().out == (out / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["render", "nothing"], "there is no folder nothing: give one, or one of metric, space"),
        (["render", "."], "holds no training.json"),
        (["push", "nothing", "--repo", "a/b"], "does not exist"),
        (["push", "."], "missing option '--repo'"),
        (["frame"], "no such command 'frame'"),
    ],
)
def test_bad_input_is_told_in_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(words) == 2
    out, err = capsys.readouterr()
    assert err.startswith("model_cards: ")
    assert told in err
    assert (out, err.count("\n")) == ("", 1)
