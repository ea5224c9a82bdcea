"""The tab "For agents", and the five functions that programs may call: nothing else of the app is public."""

import inspect
import json
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from functools import partial, wraps
from random import Random
from typing import Any

import gradio as gr
from gradio.events import api as public_function

from dsl_debug.sessions import Sessions, TurnUnderWay, UnknownEpisode
from dsl_debug.visitors import Busy, Turnstile
from space.handlers.agents import AT_ONCE, MAX_WAITING, AgentApi, Answer, limits
from space.ui.base import App
from space.ui.theme import asset
from space.views.agents import MCP_PATH, agents_page


def build(app: App) -> None:
    """Fill the tab, and make the five functions public."""
    sessions = Sessions()
    api = AgentApi(app.library, sessions, Random())
    gr.HTML(agents_page(limits(sessions)), js_on_load=asset("agents.js"))
    turnstile = Turnstile(AT_ONCE, MAX_WAITING)  # people who play need the app's own threads
    for method in (api.start_episode, api.run, api.inspect, api.read_docs, api.submit):
        # Without Gradio's queue, which costs about as much again; calls wait at the turnstile instead.
        public_function(_public(method, turnstile, sessions), api_name=method.__name__, queue=False)


def _public(
    method: Callable[..., Answer], turnstile: Turnstile, sessions: Sessions
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """A method as Gradio calls it. Its MCP server shows models what `str` makes of an answer, which for a
    dictionary is Python; they get JSON instead. An episode is held while its turn waits."""
    signature = inspect.signature(method)
    taken = len(signature.parameters)
    is_turn = "episode_id" in signature.parameters

    async def taken_in_turn(given: tuple[Any, ...]) -> Answer:
        with ExitStack() as held:
            if is_turn:
                with suppress(UnknownEpisode):  # what is wrong with the call is for the method to say
                    held.enter_context(sessions.claimed(given[0]))
            return await turnstile.call(partial(method, *given))

    @wraps(method)
    async def function(*given: Any) -> Any:
        try:
            answer = await taken_in_turn(given[:taken])
        except (Busy, TurnUnderWay) as error:
            answer = {"error": str(error)}
        return json.dumps(answer, ensure_ascii=False) if _is_tool_call(given[taken]) else answer

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    request = inspect.Parameter("request", kind, default=None, annotation=gr.Request)
    parameters = [*signature.parameters.values(), request]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {**method.__annotations__, "request": gr.Request}
    return function


def _is_tool_call(request: gr.Request | None) -> bool:
    """Whether a call came in by MCP."""
    return request is not None and MCP_PATH.strip("/") in str(request.url)
