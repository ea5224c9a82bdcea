"""An OpenAI-compatible server on this machine that says what a script tells it to."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from dsl_debug.episode.tools import call_block
from dsl_debug.policies.endpoint import Settings
from dsl_debug.problem import DslProblem

KEY = "sk-not-to-be-seen"


@dataclass(frozen=True)
class Request:
    """What was asked: its number (from 0), and the authorization that came with it."""

    number: int
    path: str
    key: str | None
    body: dict[str, Any]

    @property
    def turn(self) -> int:
        """How many messages of the model the conversation holds."""
        return sum(message["role"] == "assistant" for message in self.body["messages"])


@dataclass(frozen=True)
class Reply:
    """What the server says: `content` as JSON (or as it is, if bytes), after `delay` seconds.

    A reply that is `cut` breaks the connection off before half of the content is sent.
    """

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=lambda: {"retry-after-ms": "10"})
    delay: float = 0.0
    cut: bool = False


class Script(list[Request]):
    """The requests so far."""

    url = ""


def says(
    content: Any, calls: Sequence[tuple[str, Any]] = (), refusal: str | None = None, end: str = "stop"
) -> Reply:
    """A completion: a text (or what is to be JSON), with calls of tools by name and arguments."""
    text = content if isinstance(content, str | None) else json.dumps(content)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": refusal}
    if calls:
        message["tool_calls"] = [
            {
                "id": f"x{number}",
                "type": "function",
                "function": {"name": name, "arguments": a if isinstance(a, str) else json.dumps(a)},
            }
            for number, (name, a) in enumerate(calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": end}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    kind = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
    return Reply(200, {**kind, "choices": [choice], "usage": usage})


def in_text(remark: str, *calls: tuple[str, dict[str, str]], end: str = "stop") -> Reply:
    """A completion whose calls stand in its text."""
    return says("\n".join([remark, *(call_block(name, arguments) for name, arguments in calls)]), end=end)


def problem_of(request: Request, problems: Iterable[DslProblem]) -> DslProblem:
    """The one that a conversation is about."""
    prompt = request.body["messages"][1]["content"]
    return next(problem for problem in problems if problem.buggy_code.rstrip() in prompt)


def fails(status: int, message: str = "no", **headers: str) -> Reply:
    """An error; by default the client is told to ask again at once."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"error": {"message": message}}, named or {"retry-after-ms": "10"})


def settings(url: str, folder: Path, **changes: Any) -> Settings:
    """A client's settings for a server that answers at once: one request at a time, none twice."""
    return Settings("m", url, folder / "cache", **{"workers": 1, "timeout": 20.0, "retries": 0, **changes})


@contextmanager
def endpoint(reply: Callable[[Request], Reply]) -> Iterator[Script]:
    """A server that answers every request with `reply(request)`."""
    seen = Script()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                request = Request(len(seen), self.path, self.headers["Authorization"], body)
                seen.append(request)
            self.send(reply(request))

        def send(self, answer: Reply) -> None:
            time.sleep(answer.delay)
            content = answer.content
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            try:
                self.send_response(answer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if answer.cut else data)
            except OSError:
                pass  # the client has gone

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    seen.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
