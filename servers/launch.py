"""The command line of the server: options in, addresses out, and one line for whatever is wrong.

What it prints are addresses: paths hold the ids of episodes, and whoever knows one can play it.
"""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from dsl_debug.data.loading import SAMPLES
from servers.problems import VARIABLE, Problems, open_problems

if TYPE_CHECKING:
    from uvicorn import Server

NAME = "python -m servers"
HOST = "127.0.0.1"
PORT = 8000
LAST_PORT = 65_535
BAD_INPUT = 2

CONNECTIONS = 900
"""At a time: a process has 1,024 open files on most systems, and the sandbox needs some of them."""

GOODBYE_SECONDS = 5
"""How long open connections may take to end when the server is stopped."""

SWITCH_SECONDS = 0.0005
"""A tenth of what Python sets: beside a heavy program everybody else's answer would wait that long, several
times over."""

# Read when the packages are imported, so they are set before. Nothing is told to anybody else's server.
QUIET = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


class Refused(ValueError):
    """What was asked for cannot be done; the text says in one line why."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message} (see {NAME} --help)")


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal stops it; the exit status. Bad input is told in one line."""
    try:
        options = _parser().parse_args(arguments)
        _check_packages()
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        problems = _opened(options.dataset, options.split)
        with _listening(options.host, options.port) as listener:
            _serve(problems, listener)
    except Refused as refused:
        print(f"{NAME}: {refused}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=NAME, description="Serves debugging episodes: HTTP, OpenEnv, and MCP.")
    parser.add_argument("--host", default=HOST, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=PORT, help="port; 0 takes a free one (%(default)s)")
    parser.add_argument(
        "--dataset",
        default=os.environ.get(VARIABLE) or SAMPLES,
        help=f"user/dsl-debug on the Hub, or a folder that the builder made (${VARIABLE}, or %(default)s)",
    )
    parser.add_argument("--split", default="test", help="the split of the dataset (%(default)s)")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text[:9]) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {LAST_PORT}, not {text[:20]!r}")
    return int(text)


def _check_packages() -> None:
    missing = [name for name in ("fastapi", "uvicorn", "openenv") if find_spec(name) is None]
    if missing:
        raise Refused(f"the server needs {', '.join(missing)}: pip install 'dsl-debug[serve]'")


def _opened(place: str, split: str) -> Problems:
    try:
        return open_problems(place, split)
    except (ValueError, OSError, ImportError) as error:
        raise Refused(" ".join(str(error).split())) from None


def _listening(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises Refused where nothing can listen there."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        other = "name others with --host and --port"
        raise Refused(f"cannot listen at {host}, port {port} ({reason}): {other}") from None


def _serve(problems: Problems, listener: socket.socket) -> None:
    """Serve until Ctrl-C or a request to end, which is raised as KeyboardInterrupt."""
    sys.setswitchinterval(SWITCH_SECONDS)
    signal.signal(signal.SIGTERM, _end)
    server = _server(problems)
    server.run(sockets=[listener])
    if not server.started:
        raise Refused("the server did not start: what is above says why")


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _server(problems: Problems) -> "Server":
    """A server that prints its addresses as soon as it answers."""
    import uvicorn

    from servers.app import make_app
    from servers.http_limits import MAX_BODY
    from servers.protocol import PromptProtocol, UntilTheEnd

    app = make_app(problems)

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and sockets:
                print(_announcement(problems, sockets[0]), flush=True)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            for gate in app.state.gates:  # or all that wait would have to be waited for
                gate.close()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        UntilTheEnd(app),
        http=PromptProtocol,
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=CONNECTIONS,
        ws_max_size=MAX_BODY,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )
    return Announced(config)


def _announcement(problems: Problems, listener: socket.socket) -> str:
    """The addresses, for people: where the server answers, and what is played."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    url = f"http://{shown}:{port}"
    lines = [
        f"DSL Debug answers at {url} (Ctrl-C stops it)",
        f"  problems: {len(problems.dsl):,} programs, {len(problems.python):,} functions ({problems.source})",
        f"  HTTP API: {url}/openapi.json",
        f"  OpenEnv:  {url}/openenv/dsl and {url}/openenv/python",
        f"  MCP:      {url}/mcp/",
    ]
    lines += [f"  no function is run here: {reason}" for reason in problems.arena_closed]
    return "\n".join(lines)
