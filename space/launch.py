"""Starts the app: on Hugging Face as the platform wants it, elsewhere on this machine alone.

What it prints are addresses and what is wrong with what it was given: never a token, a program or a visitor.
"""

import argparse
import io
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from dsl_debug.hub import NotPublished
from dsl_debug.policies.base import Unusable
from dsl_debug.sandbox import SandboxError
from space.handlers.outbound import PUBLIC
from space.library import SAMPLE, VARIABLE, Library, open_library
from space.sample import make_sample

if TYPE_CHECKING:
    from gradio import Blocks

NAME = "python -m space"
PORT = 7860
PORTS_TRIED = 20
LAST_PORT = 65_535
BAD_INPUT = 2
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Read when the packages are imported, so they are set before. Nothing is told to anybody else's server.
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}

UPLOAD_LIMIT = "10kb"
"""What a visitor may upload: no component takes files, but Gradio's route for them is there."""

VISITORS = 1_000
"""Visitors whose games are kept, the latest ones. Gradio forgets nobody below this number, and anybody can be
many visitors; each takes a fifth of a megabyte, and more once they play."""


def main() -> int:
    """Serve the app until it is stopped, as `app.py` does; the exit status."""
    return command(["serve"])


class Refused(ValueError):
    """What was asked for cannot be done; the text says why, a reason a line."""


def command(arguments: Sequence[str]) -> int:
    """Carry out a command line of `python -m space`; the exit status. Bad input is told in one line."""
    try:
        options = _parser().parse_args(arguments or ["serve"])
        if options.command == "sample":
            return _sample(options)
        if options.command == "publish":
            return _publish(options)
        return serve(options.host, options.port, opens_browser=not options.no_browser)
    except Refused as refused:
        print(*(f"{NAME}: {line}" for line in str(refused).splitlines()), sep="\n", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message} (see {NAME} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=NAME, description="The Space of DSL Debug.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    serving = commands.add_parser("serve", help="open the app in the browser (without a command, too)")
    serving.add_argument("--host", default=_default_host(), help="address to listen on (%(default)s)")
    serving.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("GRADIO_SERVER_PORT") or str(PORT),
        help=f"port, or the first of {PORTS_TRIED} to try (%(default)s)",
    )
    serving.add_argument("--no-browser", action="store_true", help="print the address and nothing else")
    sample = commands.add_parser("sample", help="make the sample that comes with the app")
    sample.add_argument("dataset", type=Path, help="a folder that `make build-data` made")
    sample.add_argument("--arena", type=Path, help="another one, to take the Python bugs from")
    sample.add_argument("--out", type=Path, default=SAMPLE, help="where it goes (%(default)s)")
    _add_publish(commands.add_parser("publish", help="put the app on the Hugging Face Hub, as a Space"))
    return parser


def _add_publish(publish: argparse.ArgumentParser) -> None:
    publish.add_argument("--repo", required=True, metavar="USER/NAME", help="the Space on the Hub")
    publish.add_argument("--dataset", metavar="USER/NAME", help="the dataset that it shows (its own sample)")
    publish.add_argument("--private", action="store_true", help="make it private, if it has to be made")
    publish.add_argument(
        "--revision", metavar="BRANCH", help="a branch other than main, which a Space does not run"
    )
    publish.add_argument("--dry-run", action="store_true", help="check and list, but send nothing")


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {LAST_PORT}, not {text!r}")
    return int(text)


def _default_host() -> str:
    hosted = os.environ.get("SPACE_ID")
    return os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if hosted else "127.0.0.1")


def _sample(options: argparse.Namespace) -> int:
    try:
        size = make_sample(options.dataset, options.out, options.arena)
    except (ValueError, OSError, ImportError, Unusable, SandboxError) as error:
        raise Refused(str(error)) from None
    print(f"{options.out}: {size:,} bytes")
    return 0


def _publish(options: argparse.Namespace) -> int:
    try:
        from space.publish import publish_space
    except ModuleNotFoundError:
        raise Refused("publishing needs the whole repository: this is what a Space has of it") from None
    try:
        publish_space(options)
    except ImportError as error:
        # One that says itself what to install has no name of a module.
        missing = f"publishing needs {error.name}: pip install 'dsl-debug[build,space]'"
        raise Refused(missing if error.name else str(error)) from None
    except NotPublished as error:
        raise Refused(str(error)) from None
    return 0


# Serving


def serve(host: str, port: int, *, opens_browser: bool) -> int:
    """Serve the app until a signal stops it; the exit status.

    Where `port` is taken the next free one is used. Raises Refused if there is none, and without gradio.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    # A tenth of what Python sets: a click passes through many hands, and beside somebody's heavy program each
    # of them would wait that long for the interpreter.
    sys.setswitchinterval(0.0005)
    library = open_library(os.environ.get(VARIABLE))
    _guard(host)
    free = free_port(host, port)
    if free != port:
        print(f"Port {port} is taken, so this is port {free}.", flush=True)
    demo = _launched(library, host, free)
    stopped = threading.Event()
    _on_signals(stopped.set)
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{free}"
    print(f"DSL Debug runs at {url} (Ctrl-C stops it)", flush=True)
    if opens_browser and has_display():
        webbrowser.open(url)
    stopped.wait()
    demo.close(verbose=False)
    return 0


def _guard(host: str) -> None:
    """Others than this machine's own users can reach `host`, unless it is loopback: they may name public
    addresses only. Whoever trusts all of them sets the variable to 0."""
    if host not in LOOPBACK and not os.environ.get(PUBLIC):
        os.environ[PUBLIC] = "1"


def _launched(library: Library, host: str, port: int) -> "Blocks":
    """The app, which answers from now on."""
    if find_spec("gradio") is None:
        raise Refused("the app needs gradio: pip install 'dsl-debug[space]'")
    from space.ui import build, theme

    demo = build(library)
    demo.queue(default_concurrency_limit=8, max_size=500)
    with redirect_stdout(io.StringIO()):  # `quiet` is not quiet about MCP
        demo.launch(
            server_name=host,
            server_port=port,
            share=False,  # or GRADIO_SHARE could open the app to everybody, without the rules for that
            state_session_capacity=VISITORS,
            theme=theme.theme(),
            head=theme.head(),
            mcp_server=True,
            ssr_mode=False,
            footer_links=["gradio", "settings"],
            # Gradio would keep what visitors enter, keys of theirs included, in their browsers.
            run_history=False,
            enable_monitoring=False,
            max_file_size=UPLOAD_LIMIT,
            pwa=False,
            quiet=True,
            prevent_thread_lock=True,
        )
    if demo.mcp_error:
        print(f"Agents cannot play over MCP: {demo.mcp_error}", file=sys.stderr)
    return demo


def free_port(host: str, port: int) -> int:
    """The first port from `port` on that nothing listens on. Raises Refused if `PORTS_TRIED` are taken."""
    last = min(port + PORTS_TRIED - 1, LAST_PORT)
    for candidate in range(port, last + 1):
        with socket.socket() as probe:
            # As servers do: a port that has just been given back is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
        return candidate
    raise Refused(f"nothing can listen at {host} on a port from {port} to {last}: name another with --port")


def has_display() -> bool:
    """Whether a browser could show itself here."""
    if os.environ.get("SPACE_ID"):
        return False
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` at the first Ctrl-C or request to end, and let nothing disturb the end."""

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
