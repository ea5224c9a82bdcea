"""Episodes: an agent, a problem, a few tools and a budget of turns."""

from dsl_debug.episode.base import Environment, Step
from dsl_debug.episode.dsl import TOOLS, DSLDebugEnv, judge
from dsl_debug.episode.prompts import messages, system_prompt, user_prompt
from dsl_debug.episode.tools import schemas
from dsl_debug.episode.trl import DSLDebugToolEnv

__all__ = [
    "TOOLS",
    "DSLDebugEnv",
    "DSLDebugToolEnv",
    "Environment",
    "Step",
    "judge",
    "messages",
    "schemas",
    "system_prompt",
    "user_prompt",
]
