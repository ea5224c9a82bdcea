"""What recipes are told: YAML below flags, and every mistake in one line."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from recipes.common import arguments
from recipes.common.arguments import (
    CONFIGS,
    DATASET,
    SFT_MODEL,
    BadArguments,
    GrpoArguments,
    RecipeArguments,
    SftArguments,
    is_main_process,
    parse,
    parse_alone,
    read_config,
    refusing,
)

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")


def written(folder: Path, text: str) -> str:
    (folder / "mine.yaml").write_text(text)
    return str(folder / "mine.yaml")


SMALL = "use_cpu: true\nbf16: false\nnum_generations: 2\nper_device_train_batch_size: 2\n"


def parsed(folder: Path, text: str, *flags: str) -> tuple[GrpoArguments, Any]:
    return parse(
        GrpoArguments, "GRPOConfig", "none.yaml", ["--config", written(folder, SMALL + text), *flags]
    )


def test_flags_stand_above_the_file_and_the_file_above_defaults(tmp_path: Path) -> None:
    text = "start: a/b\nlearning_rate: 1e-5\nlimit: 3\nlr_scheduler_kwargs: {min_lr_rate: 0.1}\n"
    recipe, config = parsed(
        tmp_path, text, "--limit", "4", "--beta=0.5", "--data_configs", "problems", "arena"
    )
    assert (recipe.start, recipe.limit, recipe.reward) == ("a/b", 4, "robust")
    assert recipe.data_configs == ["problems", "arena"]
    # YAML takes 1e-5 for a text, and so does not this.
    assert (config.learning_rate, config.beta) == (1e-5, 0.5)
    assert config.lr_scheduler_kwargs == {"min_lr_rate": 0.1}


def test_a_run_is_kept_under_the_name_of_its_configuration(tmp_path: Path) -> None:
    assert parsed(tmp_path, "")[1].output_dir == "runs/mine"
    assert parsed(tmp_path, "output_dir: there\n")[1].output_dir == "there"
    assert parsed(tmp_path, "output_dir: there\n", "--output_dir", "here")[1].output_dir == "here"


def test_without_a_file_the_default_is_taken() -> None:
    flags = ["--use_cpu", "true", "--needs_gpus", "0"]
    recipe, config = parse(GrpoArguments, "GRPOConfig", "grpo_sft_rl_7b.yaml", flags)
    assert (recipe.data, recipe.start, config.output_dir) == (DATASET, SFT_MODEL, "runs/grpo_sft_rl_7b")


def test_the_file_may_be_given_in_one_word(tmp_path: Path) -> None:
    flags = [f"--config={written(tmp_path, SMALL + 'start: a/b')}", "--limit", "2"]
    recipe, _ = parse(GrpoArguments, "GRPOConfig", "none.yaml", flags)
    assert (recipe.start, recipe.limit) == ("a/b", 2)


@dataclass
class Alone:
    """The arguments of a script that trains nothing."""

    runs: list[str] = field(default_factory=list)
    engine: str = "vllm"
    limit: int | None = None
    temperature: float = 1.0
    test: bool = False


def parsed_alone(folder: Path, text: str, *flags: str) -> Alone:
    return parse_alone(Alone, "none.yaml", ["--config", written(folder, "test: false\n" + text), *flags])


def test_scripts_that_train_nothing_are_told_in_the_same_way(tmp_path: Path) -> None:
    text = "runs: [a]\nengine: hf\nlimit: 3\ntemperature: 1e-1\n"
    told = parsed_alone(tmp_path, text, "--runs", "b", "c", "--limit=4", "--test")
    assert told == Alone(["b", "c"], "hf", 4, 0.1, True)
    assert parse_alone(Alone, "none.yaml", [f"--config={written(tmp_path, text)}"]).runs == ["a"]


Told = Callable[..., Any]


@pytest.mark.parametrize("told", [parsed, parsed_alone])
@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("limitt: 1\n", [], r"mine\.yaml: there is no setting 'limitt'; did you mean 'limit'\?$"),
        ("zzzzzzzzzzz: 1\n", [], r"mine\.yaml: there is no setting 'zzzzzzzzzzz'; --help lists all$"),
        ("", ["--limitt", "1"], r"^there is no argument --limitt; did you mean 'limit'\?$"),
        ("", ["--zzzzzzzzzzz=1"], r"^there is no argument --zzzzzzzzzzz; --help lists all$"),
        ("", ["--limi", "1"], r"^there is no argument --limi; did you mean 'limit'\?$"),
        ("", ["--limit", "many"], r"^argument --limit: invalid int value: 'many'$"),
        ("", ["--config", "x.yaml"], r"^there is no argument --config"),
    ],
)
def test_mistakes_are_told_alike(
    tmp_path: Path, told: Told, text: str, flags: list[str], message: str
) -> None:
    with pytest.raises(BadArguments, match=message):
        told(tmp_path, text, *flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config"], r"^--config needs the name of a file$"),
        (["--config", "nowhere.yaml"], r"^there is no configuration nowhere\.yaml; recipes/configs has "),
        (["--config=nowhere.yaml"], r"^there is no configuration nowhere\.yaml; recipes/configs has "),
    ],
)
def test_a_configuration_that_is_not_there(flags: list[str], message: str) -> None:
    with pytest.raises(BadArguments, match=message):
        parse(GrpoArguments, "GRPOConfig", "none.yaml", flags)
    with pytest.raises(BadArguments, match=message):
        parse_alone(Alone, "none.yaml", flags)


def test_one_config_of_the_dataset_may_stand_alone(tmp_path: Path) -> None:
    assert parsed(tmp_path, "data_configs: arena\n")[0].data_configs == ["arena"]


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        ("learning_rate: much\n", [], r"^argument --learning_rate/--learning-rate: invalid float value: 'mu"),
        ("", ["--rewrad", "visible"], r"^there is no argument --rewrad; did you mean 'reward'\?$"),
        ("", ["--max_rounds", "many"], r"^argument --max_rounds/--max-rounds: invalid int value: 'many'$"),
        ("limit: 0\n", [], r"^limit is at least 1, not 0$"),
        ("max_turns: 0\n", [], r"^max_turns is at least 1, not 0$"),
        ("max_turn_tokens: 0\n", [], r"^max_turn_tokens and max_rounds are at least 1$"),
        ("max_rounds: 2\n", [], r"^max_rounds and informative_groups are about the pool: set pool: true as"),
        ("num_generations: 3\n", [], r"^generation_batch_size \(2\) must be divisible by num_generations \("),
        ("bf16: true\nfp16: true\n", [], r"^At most one of fp16 and bf16 can be True, but not both$"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_line(tmp_path: Path, text: str, flags: list[str], message: str) -> None:
    settings = "".join(line + "\n" for line in SMALL.splitlines() if line.split(":")[0] + ":" not in text)
    place = ["--config", written(tmp_path, settings + text)]
    with pytest.raises(BadArguments, match=message) as caught:
        parse(GrpoArguments, "GRPOConfig", "none.yaml", [*place, *flags])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", r"mine\.yaml holds no settings: a line of it is `name: value`$"),
        ("a: [\n", r"mine\.yaml cannot be read: while parsing a flow node"),
    ],
)
def test_files_that_hold_no_settings(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadArguments, match=message):
        read_config(Path(written(tmp_path, text)))


def test_a_file_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        BadArguments, match=r"^there is no configuration nope\.yaml; recipes/configs has .*sft_7b\.yaml"
    ):
        read_config(Path("nope.yaml"))


def test_the_check_comes_before_trl_refuses_the_machine() -> None:
    def check(arguments: RecipeArguments) -> None:
        raise BadArguments(f"not here: {arguments.needs_gpus}")

    with pytest.raises(BadArguments, match=r"^not here: 2$"):
        parse(SftArguments, "SFTConfig", "sft_7b.yaml", [], check=check)


# The end of a process


def test_what_is_refused_ends_the_process_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, refusing("sft"):
        raise BadArguments("no such thing: take another one")
    assert caught.value.code == 2
    assert capsys.readouterr().err == "sft: no such thing: take another one\n"


def test_of_several_processes_one_speaks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as caught, refusing("sft"):
        raise BadArguments("no")
    assert (caught.value.code, capsys.readouterr().err) == (2, "")
    assert not is_main_process()
    assert is_main_process({})


def test_faults_of_ours_are_not_hidden() -> None:
    with pytest.raises(ValueError, match=r"^a fault$"), refusing("sft"):
        raise ValueError("a fault")


def test_no_argument_of_ours_takes_the_name_of_one_of_trl() -> None:
    import trl

    ours = {f.name for kind in (GrpoArguments, SftArguments) for f in fields(kind)}
    theirs = {f.name for kind in (trl.GRPOConfig, trl.SFTConfig) for f in fields(kind)}
    assert not ours & theirs
    assert CONFIGS.is_dir()
    assert arguments.RUNS == "runs"
