"""Policies: whatever plays episodes, by the text that names it on a command line.

search, random_edit, ...        an agent that needs no model (`dsl_debug.agents`)
openai:MODEL@URL                a model behind an OpenAI-compatible server
hf:PATH                         a model folder or repository, run here by transformers
vllm:PATH                       the same, run here by vLLM
"""

from dsl_debug.agents import AGENTS, PYTHON_AGENTS
from dsl_debug.policies.agents import AgentPolicy
from dsl_debug.policies.base import ModelOptions, Policy, Unusable

AGENT_NAMES = tuple(dict.fromkeys([*AGENTS, *PYTHON_AGENTS]))
FORMS = "openai:MODEL@URL, hf:PATH, vllm:PATH"

__all__ = ["AGENT_NAMES", "FORMS", "ModelOptions", "Policy", "Unusable", "is_agent", "open_policy"]


def is_agent(text: str) -> bool:
    """Whether a text names an agent that needs no model."""
    return text in AGENT_NAMES


def open_policy(text: str, options: ModelOptions) -> Policy:
    """The policy that a text names.

    Raises ValueError for a text that names none, and Unusable for a policy that is not to be had here.
    """
    form, _, rest = text.partition(":")
    if is_agent(text):
        return AgentPolicy(text, options.workers)
    if form == "openai":
        from dsl_debug.policies.endpoint import parse_target
        from dsl_debug.policies.openai import OpenAIPolicy

        return OpenAIPolicy(*parse_target(text), options)
    if form == "hf" and rest:
        from dsl_debug.policies.hf import HfPolicy

        return HfPolicy(rest, options)
    if form == "vllm" and rest:
        from dsl_debug.policies.vllm import VllmPolicy

        return VllmPolicy(rest, options)
    raise ValueError(f"no policy {text!r}; there is: {', '.join(AGENT_NAMES)}, {FORMS}")
