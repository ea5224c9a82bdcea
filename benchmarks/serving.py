"""Servers in processes of their own, for what is measured and for what is tested."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180.0
"""How long a server may take until it answers, on a machine that has other things to do."""


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str],
    port: int,
    environment: Mapping[str, str] = os.environ,
    *,
    folder: Path = ROOT,
    log: Path | None = None,
    seconds: float = START_SECONDS,
) -> Iterator[None]:
    """What a command serves on a port, from the moment when that is open to the end of the block.

    Its output goes to `log`, if there is one. Raises RuntimeError, with the end of it, where nothing answers.
    """
    with (log or Path(os.devnull)).open("w") as output:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        try:
            _wait_for(port, server, seconds, log)
            yield
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]", seconds: float, log: Path | None) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    said = f":\n{log.read_text(encoding='utf-8')[-3000:]}" if log else ""
    raise RuntimeError(f"the server does not start{said}")
