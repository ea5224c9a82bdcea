"""A Hub on this machine: enough of its API for the real client to create, publish, list, and load.

    store.py     repositories: commits of files, branches and tags, all in memory
    app.py       the requests of the client that change something
    reading.py   those that only look
    rights.py    who may do what
    __init__.py  a server for the time of a `with` block, and the environment that sends the client to it

What it leaves out: Xet, pull requests, discussions, gated repositories, garbage collection.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from tests.hub_server.app import make_app
from tests.hub_server.store import TOKEN, Hub

ROOT = Path(__file__).resolve().parent.parent.parent
RUN_SECONDS = 600.0


@dataclass(frozen=True)
class LoopbackHub:
    """A running server: its address, and what it holds."""

    url: str
    hub: Hub

    def environment(self, home: Path, token: str | None = TOKEN) -> Mapping[str, str]:
        """The variables under which the client speaks to this server alone, with its caches below `home`."""
        given = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        return {**given, "HF_TOKEN": token} if token else given

    def python(
        self,
        home: Path,
        arguments: Sequence[str],
        token: str | None = TOKEN,
        *,
        python: str = sys.executable,
        folder: Path = ROOT,
    ) -> subprocess.CompletedProcess[str]:
        """A fresh Python in a folder that speaks to this server alone."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PYTHONPATH"))}
        return subprocess.run(
            [python, *arguments],
            cwd=folder,
            # evaluate counts what is loaded at an address of its own.
            env={**outside, **self.environment(home, token), "HF_UPDATE_DOWNLOAD_COUNTS": "0"},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
        )


@contextmanager
def loopback_hub() -> Iterator[LoopbackHub]:
    """A Hub without repositories, on a free port of the loopback interface."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    hub = Hub()
    server = uvicorn.Server(uvicorn.Config(make_app(hub, url), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield LoopbackHub(url, hub)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
