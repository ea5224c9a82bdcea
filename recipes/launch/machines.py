"""What vast.ai's client is asked, and what its answers mean: offers, and the machines that are paid for.

The client fails in many ways: with a status, with 0 and a complaint, without an answer; and one list may
leave out a machine that is there. So where money hangs on it, nothing here takes a single look for the truth.
"""

import json
import math
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

GPUS = 2
QUERY = (
    f'num_gpus={GPUS} gpu_name in ["A100 SXM4","A100 PCIE"] gpu_ram>=79 disk_space>={{disk}} '
    "cpu_ram>=400 reliability>0.98 direct_port_count>=1 inet_down>=200 cuda_vers>=13.0"
)
"""80 GB each, memory for what is offloaded, and a driver for CUDA 13, for which the image's vLLM is built.
The client's own query adds that a machine is verified and free."""

LABEL = "dsl-debug"
LOOKS = 5
"""How often a machine is looked for before it counts as not to be seen."""

AGREE = 3
"""In how many lists, one after another, a machine has to be missing before it counts as gone."""

PAUSE = 5.0
"""Seconds between two looks."""

TIMEOUT = 600.0
"""Seconds for one answer of the client, which tries several times, and waits two minutes each time."""

T = TypeVar("T")


class Refused(Exception):
    """Something that is not done; the text is one line."""


class Unseen(Refused):
    """The client could not say; another try may."""


@dataclass(frozen=True)
class Rented:
    """A machine that is paid for: dollars an hour (nan: not said), since when (seconds since 1970), and what
    it may cost in all (None: no cap)."""

    number: int
    state: str
    hourly: float
    since: float
    cap: float | None

    @property
    def spent(self) -> float:
        """Dollars until now, by the clock: that needs no further look at the machine."""
        return self.hourly * max(0.0, time.time() - self.since) / 3600

    @property
    def is_over(self) -> bool:
        """Whether it has cost what it may."""
        return self.cap is not None and self.spent >= self.cap

    def updated(self, found: "Rented") -> "Rented":
        """The same machine as it is listed now; what the list leaves out stays as it was."""
        hourly = self.hourly if math.isnan(found.hourly) else found.hourly
        cap = self.cap if found.cap is None else found.cap
        return replace(found, hourly=hourly, cap=cap, since=min(self.since, found.since))


# The client


def vastai(*words: str) -> str:
    """What the client says. Raises Refused where there is none, and Unseen where it fails.

    Of an error that the service reports it complains on standard error alone, and ends with 0.
    """
    if shutil.which("vastai") is None:
        raise Refused("there is no vastai here: pip install vastai, then vastai set api-key")
    try:
        told = subprocess.run(
            ["vastai", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise failed(words, f"no answer in {TIMEOUT:g} seconds") from None
    except OSError as error:
        raise Refused(f"vastai cannot be started: {error.strerror}") from None
    if told.returncode or (told.stderr.strip() and not told.stdout.strip()):
        raise failed(words, told.stderr.strip() or told.stdout)
    return told.stdout


def vastai_json(*words: str) -> Any:
    """The same as data. What is no JSON is a complaint: the client writes some of them and succeeds."""
    text = vastai(*words, "--raw")
    try:
        return json.loads(text)
    except ValueError:
        raise failed(words, text) from None


def failed(words: tuple[str, ...], text: str) -> Unseen:
    """The error for a call of the client that ended with this text."""
    return Unseen(f"vastai {words[0]} {words[1]} failed: {_complaint(text)}")


def _complaint(text: str) -> str:
    line = last_line(text)
    with suppress(ValueError):
        told = json.loads(line)
        if isinstance(told, dict) and told.get("msg"):
            return str(told["msg"])[:300]
    return line[:300] or "it said nothing"


def last_line(text: str) -> str:
    """The last line that is not empty; "" without one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _rows(*words: str) -> list[dict[str, Any]]:
    found = vastai_json(*words)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise failed(words, json.dumps(found))
    return found


def amount(value: Any) -> float:
    """A number of the client's answers; nan where there is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return math.nan
    return found if math.isfinite(found) else math.nan


# Machines


def offers(disk: int) -> list[dict[str, Any]]:
    """What can be rented, the cheapest first. Raises Refused."""
    query = QUERY.format(disk=disk)
    found = _rows("search", "offers", query, "--storage", str(disk), "-o", "dph_total")
    priced = [row for row in found if "id" in row and not math.isnan(amount(row.get("dph_total")))]
    if not priced:
        raise Refused(f"no machine with {GPUS} A100 of 80 GB and {disk} GB of disk is free now")
    return sorted(priced, key=lambda row: amount(row["dph_total"]))


def rented() -> list[Rented]:
    """The machines that were rented by `vast.py create`, and are not given back. Raises Unseen."""
    found = [(str(row.get("label") or "").strip(), row) for row in _rows("show", "instances")]
    return [_rented(label, row) for label, row in found if label.partition(" ")[0] == LABEL]


def _rented(label: str, row: dict[str, Any]) -> Rented:
    if not isinstance(row.get("id"), int):
        raise Unseen("vastai show instances failed: it lists a machine without a number")
    state = str(row.get("actual_status") or row.get("intended_status") or "unknown")
    since, cap = amount(row.get("start_date")), amount(label.partition("cap=")[2])
    return Rented(
        row["id"],
        state,
        amount(row.get("dph_total")),
        time.time() if math.isnan(since) else since,
        None if math.isnan(cap) else cap,
    )


def listed(number: int) -> Rented | None:
    """The machine of a number; None if it is not listed, which may be so for a moment. Raises Unseen."""
    return next((machine for machine in rented() if machine.number == number), None)


def chosen(number: int | None) -> Rented:
    """The machine of a number, or the only one. Raises Refused."""
    found = [machine for machine in rented() if number in (None, machine.number)]
    if not found:
        raise Refused("nothing is rented" if number is None else f"no machine {number} is rented here")
    if len(found) > 1:
        raise Refused(f"several are rented, give one: {', '.join(str(m.number) for m in found)}")
    return found[0]


def patiently(look: Callable[[], T | None]) -> T | None:
    """What several looks find at last, or None. Raises Unseen where the last of them failed."""
    trouble: Unseen | None = None
    for turn in range(LOOKS):
        if turn:
            time.sleep(PAUSE)
        try:
            trouble, found = None, look()
        except Unseen as error:
            trouble, found = error, None
        if found is not None:
            return found
    if trouble:
        raise trouble
    return None


def is_gone(number: int) -> bool:
    """Whether several lists, one after another, leave a machine out. Raises Unseen."""
    for turn in range(AGREE):
        if turn:
            time.sleep(PAUSE)
        if listed(number):
            return False
    return True


def give_back(machine: Rented) -> None:
    """End paying for it. Raises Refused where it is, or may be, still there afterwards."""
    number = machine.number
    try:
        said = last_line(vastai("destroy", "instance", str(number), "-y")) or "vastai said nothing"
    except Unseen as error:  # it may be gone all the same
        said = str(error)
    try:
        if not patiently(lambda: is_gone(number) or None):
            raise Refused(f"machine {number} is STILL RENTED ({said}): give it back at console.vast.ai")
    except Unseen as error:
        raise Unseen(f"machine {number} MAY STILL BE RENTED: {error}; {where(number)}") from None
    say(f"machine {number} is given back; it has cost about {dollars(machine.spent)}")


# Words


def dollars(value: float) -> str:
    """An amount, as it is shown."""
    return f"${value:,.2f}"


def where(number: int) -> str:
    """How to see and to end what a machine costs."""
    return f"`vast.py status`, `vast.py destroy {number}`, or console.vast.ai"


def say(text: str) -> None:
    """Print a line, if anybody is there to read it: what guards money goes on where its terminal is gone."""
    with suppress(OSError):
        print(text, flush=True)
