"""The card of a model: its front matter, and what the template of its recipe makes of the facts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dsl_debug.problem import ENVIRONMENT, PYTHON_ENVIRONMENT
from dsl_debug.results.markdown import escaped, number, table
from model_cards.arguments import NOT_RECORDED, config_yaml, hyper_parameters
from model_cards.filling import fill
from model_cards.hub_results import model_index
from model_cards.model_folder import ModelFacts
from model_cards.provenance import (
    PROVENANCE,
    SPIDER,
    SPIDER_CITATION,
    UNKNOWN,
    Licence,
    base_licence,
    hub_dataset,
    hub_model,
)
from model_cards.public import public_text, public_value
from model_cards.record import Training
from model_cards.results import (
    PUBLISHED_SOURCE,
    before_table,
    failures_table,
    main_table,
    origins,
    published_table,
    remarks,
    second_table,
)
from model_cards.tax import tax_table

HERE = "path/to/this/folder"
"""What stands for the model where nobody has said what it will be called."""


class Kind(NamedTuple):
    """What there is to know of a recipe: the template, the script, and where the model plays."""

    template: str
    script: str
    environment: str


KINDS = {
    "sft": Kind("model_sft", "recipes/sft.py", ENVIRONMENT),
    "grpo_sft_rl": Kind("model_sft_rl", "recipes/grpo_sft_rl.py", ENVIRONMENT),
    "grpo_rl_only": Kind("model_rl_only", "recipes/grpo_rl_only.py", ENVIRONMENT),
    "arena_grpo": Kind("model_arena", "recipes/arena_grpo.py", PYTHON_ENVIRONMENT),
}

DYNAMICS = {
    "loss": "loss",
    "reward": "reward",
    "entropy": "entropy",
    "mean_token_accuracy": "accuracy of single tokens",
    "groups/informative": "share of informative groups",
    "accuracy": "accuracy in rollouts",
    "visible_accuracy": "visible accuracy in rollouts",
    "hack_rate": "hack rate in rollouts",
}
"""What is told of the log of a run, where it is in there."""


def model_card(facts: ModelFacts, repository: str | None = None) -> str:
    """The text of the card; `repository` is what the model is called on the Hub. Raises ImportError where
    jinja2 or huggingface_hub are missing."""
    training, kind = facts.training, KINDS[facts.training.recipe]
    return fill(
        kind.template,
        front_matter=front_matter(facts, repository),
        name=escaped(_name(facts, repository)),
        repository=repository or HERE,
        is_smoke=training.is_smoke,
        steps=training.steps,
        is_adapter=facts.is_adapter,
        **_training(training),
        **_results(facts, kind.environment),
        tax=tax_table(facts.tax),
        plots=[(path, Path(path).stem.replace("_", " ")) for path in facts.plots],
        hyper_parameters=hyper_parameters(training),
        config=config_yaml(training),
        command=_command(training, kind.script),
        **_licences(training),
    )


def _name(facts: ModelFacts, repository: str | None) -> str:
    """The last part of the name on the Hub, else that of the folder."""
    return repository.rpartition("/")[2] if repository else facts.folder.resolve().name


def _command(training: Training, script: str) -> str:
    return f"accelerate launch --num_processes {training.hardware['processes']} {script} --config config.yaml"


# The front matter


def front_matter(facts: ModelFacts, repository: str | None = None) -> str:
    """What the Hub reads: licence, base, dataset, and the results as a model index."""
    from huggingface_hub import ModelCardData

    training = facts.training
    base, dataset = _parent(training), hub_dataset(training.dataset)
    results = model_index(facts.results)
    fields: dict[str, Any] = {
        "language": "en",
        **_licence(training).front_matter(),
        "library_name": "peft" if facts.is_adapter else "transformers",
        "pipeline_tag": "text-generation",
        **({"base_model": base} if base else {}),
        **({"datasets": [dataset]} if dataset else {}),
        "tags": _tags(training),
        **({"model_name": _name(facts, repository), "eval_results": results} if results else {}),
    }
    text: str = ModelCardData(**fields).to_yaml()
    return text


def _parent(training: Training) -> str | None:
    """What the model was trained from, if others can get it: the start, else the base."""
    return hub_model(training.start) or hub_model(training.base_model)


def _tags(training: Training) -> list[str]:
    method = ["sft"] if training.recipe == "sft" else ["grpo", "reinforcement-learning"]
    smoke = ["smoke-test"] if training.is_smoke else []
    return ["dsl-debug", "debugging", "program-repair", "tool-use", "trl", *method, *smoke]


def _licence(training: Training) -> Licence:
    """That of the base; a smoke model without a base on the Hub has weights of its own."""
    if _is_made_here(training):
        return Licence("mit")
    return base_licence(training.base_model) or Licence("other", "that-of-the-base-model")


def _is_made_here(training: Training) -> bool:
    """Whether even the base was made for this run: smoke runs begin with random weights."""
    return training.is_smoke and hub_model(training.base_model) is None


# Parts of the text


def _training(training: Training) -> dict[str, Any]:
    data, code, hardware = training.dataset, training.code, training.hardware
    devices = [public_text(str(device)) for device in hardware["devices"]]
    facts = {
        "base model": f"`{public_text(training.base_model)}`",
        "training started from": f"`{public_text(training.start)}`",
        "dataset": _dataset(data),
        "rows": _told(data["rows"]),
        "steps": _told(training.steps),
        "begun": _told(training.started),
        "time": f"{training.seconds / 3600:.2f} hours",
        "hardware": f"{escaped(', '.join(devices)) or NOT_RECORDED}; processes: {hardware['processes']}",
        "code": f"version {_told(code['version'])}, revision {_told(code['revision'])}"
        + (", with changes" if code.get("modified") else ""),
        "libraries": escaped(", ".join(f"{k} {v}" for k, v in public_value(training.libraries).items()))
        or NOT_RECORDED,
    }
    return {
        "training": table(["", ""], list(facts.items())).replace("---:", "---"),
        "dynamics": dynamics(training.history),
        "base": public_text(training.base_model),
        "start": public_text(training.start),
        "dataset": hub_dataset(data) or "user/dsl-debug",
        "is_published_dataset": hub_dataset(data) is not None,
        "revision": code["revision"],
        "reward": training.arguments.get("reward"),
    }


def _told(value: Any) -> str:
    return NOT_RECORDED if value in (None, "") else escaped(str(value))


def _dataset(data: Mapping[str, Any]) -> str:
    place = public_text(str(data["place"]))
    link = f"[{place}](https://huggingface.co/datasets/{place})" if hub_dataset(data) else f"`{place}`"
    told = [f"{name} {_told(data[name])}" for name in ("config", "split", "revision")]
    return ", ".join([link, *told])


def dynamics(history: Sequence[Mapping[str, Any]]) -> str:
    """The first and the last value of what a run logged; "" where it logged nothing of the kind."""
    rows = []
    for key, title in DYNAMICS.items():
        logged = [(step.get("step"), step[key]) for step in history if isinstance(step.get(key), int | float)]
        if logged:
            (first, before), (last, after) = logged[0], logged[-1]
            rows.append([title, f"{number(before, 4)} (step {first})", f"{number(after, 4)} (step {last})"])
    return table(["", "first", "last"], rows) if rows else ""


def _results(facts: ModelFacts, environment: str) -> dict[str, Any]:
    """Tables of results: those of the environment that the model was trained in first."""
    other = PYTHON_ENVIRONMENT if environment == ENVIRONMENT else ENVIRONMENT
    has_other = any(one.environment == other for one in facts.results)
    return {
        "results": main_table(facts.results, environment),
        "results_further": second_table(facts.results, environment),
        "failures": failures_table(facts.results, environment),
        "other_results": main_table(facts.results, other) if has_other else "",
        "before": before_table(facts.results, facts.before),
        "origins": origins([*facts.results, *facts.before]),
        "remarks": remarks(facts.results, facts.training.dataset),
        "published": published_table(),
        "published_source": PUBLISHED_SOURCE,
    }


def _licences(training: Training) -> dict[str, Any]:
    sources = training.dataset.get("sources") or {}
    return {
        "licence": _licence_text(training),
        "sources": [f"**{escaped(str(name))}**: {PROVENANCE.get(name, UNKNOWN).text}" for name in sources],
        "spider_citation": SPIDER_CITATION if SPIDER in sources or not sources else "",
    }


def _licence_text(training: Training) -> str:
    base, known = public_text(training.base_model), base_licence(training.base_model)
    if _is_made_here(training):
        return f"The base model, `{base}`, was made for this run. These weights are under the MIT licence."
    if known is None:
        return f"These weights are under the licence of the base model, `{base}`: ask those who made it."
    name = known.license_name or known.license
    return f"The base model `{base}` is under the licence `{name}`, and so are these weights."
