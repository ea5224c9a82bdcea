"""A `vastai` that does what a test says: what is offered, what is rented, and how it fails."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recipes.launch import machines, vast

ROOT = Path(__file__).resolve().parents[2]

# Keeps what it is asked, and what is rented, in files beside it. A fault of a command is what it does
# instead the next time; null: what it ought to.
CLIENT = """\
#!{python} -IS
import json, os, signal, sys, time
from pathlib import Path

here = Path({folder!r})
state = json.loads((here / "state.json").read_text())
words = [word for word in sys.argv[1:] if word != "--raw"]
with open(here / "asked.jsonl", "a") as asked:
    asked.write(json.dumps(sys.argv[1:]) + chr(10))


def keep():
    (here / "state.json").write_text(json.dumps(state))


def rent():
    offer = next(o for o in state["offers"] if o["id"] == int(words[2]))
    label = words[words.index("--label") + 1]
    state["instances"].append(
        dict(id=900, label=label, dph_total=state.get("price", offer["dph_total"]), start_date=state["now"],
             actual_status="loading")
    )
    keep()


faults = state.get("faults", {{}}).get(words[0], [])
fault = faults.pop(0) if faults else None
keep()
if fault is not None:
    if fault.get("does"):
        rent()
    if fault.get("signal"):
        os.killpg(0, getattr(signal, fault["signal"]))
    time.sleep(fault.get("seconds", 0))
    sys.stdout.write(fault.get("out", ""))
    sys.stderr.write(fault.get("err", ""))
    sys.exit(fault.get("status", 0))
if words[:2] == ["search", "offers"]:
    print(json.dumps(state["offers"]))
elif words[:2] == ["create", "instance"]:
    rent()
    print(json.dumps(dict(success=True, new_contract=900)))
elif words == ["show", "instances"]:
    for instance in state["instances"]:
        instance["start_date"] -= state.get("passes", 0)
    keep()
    print(json.dumps(state["instances"]))
elif words[:2] == ["destroy", "instance"]:
    if not state.get("sticky"):
        state["instances"] = [i for i in state["instances"] if i["id"] != int(words[2])]
    keep()
    print("destroying instance " + words[2] + ".")
elif words[0] == "ssh-url":
    print(state.get("address", ""))
elif words[0] == "logs":
    print("step 1")
else:
    sys.exit("no such command: " + " ".join(words))
"""

SSH = """\
#!{python} -IS
import sys
print("ssh", *sys.argv[1:])
sys.exit(3)
"""

START = """\
import sys
from recipes.launch import machines, vast
machines.PAUSE = 0.0
machines.TIMEOUT = float(sys.argv[1])
sys.exit(vast.main(sys.argv[2:]))
"""
"""Our command, which does not wait between two looks."""

OFFERS = [
    {"id": 11, "dph_total": 2.5, "gpu_name": "A100 SXM4", "geolocation": "Sweden, SE"},
    {"id": 12, "dph_total": 1.75, "gpu_name": "A100 PCIE", "geolocation": None},
]
LONG = 100 * 3600
"""Seconds in which a machine of the list costs 2 dollars."""

RENT = ("create", "--image", "user/dsl-debug")


@dataclass
class Client:
    """The scripted client: `vast` runs our command with it on the PATH."""

    folder: Path

    def set(self, **state: Any) -> None:
        full = {"offers": OFFERS, "instances": [], "now": time.time(), **state}
        (self.folder / "state.json").write_text(json.dumps(full))

    @property
    def rented(self) -> list[int]:
        return [row["id"] for row in json.loads((self.folder / "state.json").read_text())["instances"]]

    @property
    def asked(self) -> list[list[str]]:
        path = self.folder / "asked.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def times(self, command: str) -> int:
        """How often it was asked for this."""
        return sum(words[0] == command for words in self.asked)

    def vast(self, *words: str, patience: float = 60) -> subprocess.CompletedProcess[str]:
        """Our command, in a group of processes of its own; it grants the client `patience`, in seconds."""
        return subprocess.run(
            [sys.executable, "-S", "-c", START, str(patience), *words],
            env={
                **os.environ,
                "PATH": f"{self.folder}:/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                "VAST_API_KEY": "never-shown",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            start_new_session=True,
        )

    def here(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The same in this process, the client too, for tests that ask it for much: nothing is started."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setenv("PATH", f"{self.folder}:/usr/bin:/bin")
            patch.setattr(machines, "PAUSE", 0.0)
            patch.setattr("signal.signal", lambda *_: None)
            patch.setattr("subprocess.run", self._run)
            status = vast.main(words)
        return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())

    def _run(self, command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        out, err, status = io.StringIO(), io.StringIO(), 0
        code = compile((self.folder / "vastai").read_text(), "vastai", "exec")
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr("sys.argv", list(command))
            try:
                exec(code, {})
            except SystemExit as end:
                status = int(end.code or 0)
        return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())


def scripted_vastai(folder: Path) -> Client:
    """A client in a folder, with two offers and nothing rented."""
    for name, text in {"vastai": CLIENT, "ssh": SSH}.items():
        (folder / name).write_text(text.format(python=sys.executable, folder=str(folder)))
        (folder / name).chmod(0o755)
    made = Client(folder)
    made.set()
    return made


def instance(**changes: Any) -> dict[str, Any]:
    """A row of the client's list: a machine that has cost 2 dollars of 10.

    It is cheap and has run for long: no amount changes in the minutes that a test may take.
    """
    row = {"id": 900, "label": "dsl-debug cap=10.00", "dph_total": 0.02, "start_date": time.time() - LONG}
    return {**row, "actual_status": "running", **changes}


def refused(run: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refusal is."""
    assert run.returncode == 2, run.stderr
    (line,) = run.stderr.splitlines()
    assert line.startswith("vast.py: ")
    return line.removeprefix("vast.py: ")
