"""A player in a process of its own: how it is begun, heard and ended.

An agent may think for many seconds, and a model may ask for programs that run as long as they may. In a
process neither holds up the app, and both can be ended at any moment. A model's key is handed over on the
standard input of its process and goes with it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any

from space.handlers.watch_frames import Said

ROOT = Path(__file__).resolve().parent.parent.parent
COMMAND = (sys.executable, "-m", "space.handlers.player")

# Settings of the OpenAI client: what is this machine's own is not for addresses that visitors name.
_OWN = "OPENAI_"


@contextmanager
def player_process(asked: Mapping[str, Any]) -> Iterator["SimpleQueue[Said]"]:
    """What a player says, as soon as it is said; with the block the process ends, too. See `player.main`."""
    said: SimpleQueue[Said] = SimpleQueue()
    with subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(_OWN)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        talk = Thread(
            target=_talk, args=(process.stdin, process.stdout, json.dumps(asked), said), daemon=True
        )
        talk.start()
        try:
            yield said
        finally:
            process.kill()
            talk.join()


def _talk(ask: IO[str], answers: IO[str], asked: str, said: "SimpleQueue[Said]") -> None:
    """Ask, and hand on what is said until the process ends; of a killed one the last line may be half.

    The input stays open: its end tells the process that there is no app any more.
    """
    with suppress(OSError, ValueError):
        ask.write(f"{asked}\n")
        ask.flush()
        for line in answers:
            said.put(json.loads(line))
    said.put({})
