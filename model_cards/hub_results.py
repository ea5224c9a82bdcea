"""Results in the two forms that the Hub shows: the model index of a card, and `.eval_results`.

Rates are from 0 to 1 here; the interval, Wilson's of 95%, stands beside each. Needs huggingface_hub.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dsl_debug.problem import PYTHON_ENVIRONMENT
from dsl_debug.results.markdown import percent
from model_cards.provenance import hub_dataset
from model_cards.results import RATES, Measured


def model_index(found: Sequence[Measured]) -> list[Any]:
    """The results as `huggingface_hub.EvalResult`: every category by itself, and all together."""
    return [entry for one in found for config, group in _parts(one) for entry in _entries(one, config, group)]


def _parts(one: Measured) -> list[tuple[str, Mapping[str, Any]]]:
    """Name and rates of a result and of its categories, where these are configs of the dataset."""
    config = one.place[0] or "problems"
    categories = one.summary["by_category"] if config == "problems" else {}
    return [(config, one.summary["overall"]), *categories.items()]


def _entries(one: Measured, config: str, group: Mapping[str, Any]) -> list[Any]:
    from huggingface_hub import EvalResult

    data = one.facts["data"]
    arena = one.environment == PYTHON_ENVIRONMENT
    return [
        EvalResult(
            task_type="text-generation",
            task_name="Repairing Python functions" if arena else "Repairing dataflow programs",
            dataset_type=hub_dataset(data) or "dsl-debug",
            dataset_name=f"{'DebugArena' if arena else 'DSL Debug'} ({config})",
            dataset_config=config,
            dataset_split=one.place[1] or None,
            dataset_revision=data.get("revision") or None,
            metric_type=name.replace(" ", "_"),
            metric_name=name,
            metric_value=group[what]["rate"],
            metric_args={
                "low": group[what]["low"],
                "high": group[what]["high"],
                "interval": "Wilson, 95%",
                "problems": group["problems"],
                "samples": one.facts["arguments"].get("samples"),
                "prompt": one.facts["prompt"]["name"],
            },
        )
        for what, name in RATES.items()
        if group[what] is not None
    ]


def eval_results(found: Sequence[Measured]) -> dict[str, str]:
    """The files of `.eval_results`, one for each dataset on the Hub: path -> YAML. Test splits only."""
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    by_dataset: dict[str, list[Any]] = {}
    for one in found:
        dataset = hub_dataset(one.facts["data"])
        if dataset is None or one.place[1] != "test":
            continue
        by_dataset.setdefault(dataset, []).extend(
            EvalResultEntry(
                dataset_id=dataset,
                task_id=config,
                value=group["accuracy"]["rate"],
                dataset_revision=one.facts["data"]["revision"],
                notes=_notes(one, group),
            )
            for config, group in _parts(one)
        )
    return {
        f".eval_results/{dataset.replace('/', '--')}.yaml": yaml.safe_dump(
            eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True
        )
        for dataset, entries in sorted(by_dataset.items())
    }


def _notes(one: Measured, group: Mapping[str, Any]) -> str:
    low, high = (percent(group["accuracy"][end]) for end in ("low", "high"))
    hacks = "" if group["hack_rate"] is None else f"; hack rate {percent(group['hack_rate']['rate'])}%"
    samples = one.facts["arguments"].get("samples") or 1
    return (
        f"accuracy (0 to 1) on hidden tables or tests too; 95% interval {low}% to {high}% (Wilson); "
        f"{group['problems']} problems, {samples} sample{'s' if samples > 1 else ''} each, "
        f"prompt {one.facts['prompt']['name']}{hacks}"
    )
