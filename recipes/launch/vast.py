"""Rent two A100 from vast.ai for a training run, look after them, and give them back.

    python recipes/launch/vast.py find --hours 24
    python recipes/launch/vast.py create --hours 24 --cap 60 --image USER/dsl-debug    # asks before it pays
    python recipes/launch/vast.py watch                              # gives the machine back at the cap
    python recipes/launch/vast.py status | logs | ssh [-- COMMAND] | destroy

Needs vastai (`pip install vastai`, then `vastai set api-key`), which does all the talking. What guards the
money: nothing is rented whose price for the hours asked for is above the cap; the machine is given back at
once if it costs more than its offer said; and `watch` gives it back when it has cost the cap. What does not:
traffic is charged on top, and `watch` works only while it runs.

No token is handed over here, because commands are logged: log in on the machine (`hf auth login`).
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

REFUSED = 2
"""The exit status where something cannot be done; one line says what, and what to do."""

GPUS = 2
DISK = 600
"""GB: the checkpoints of a 7B run (450), the model that it starts from, and the image."""

QUERY = (
    f'num_gpus={GPUS} gpu_name in ["A100 SXM4","A100 PCIE"] gpu_ram>=79 disk_space>={{disk}} '
    "cpu_ram>=400 reliability>0.98 direct_port_count>=1 inet_down>=200 cuda_vers>=12.8"
)
"""80 GB each, and memory for what is offloaded. The client's own query adds that a machine is verified and
free."""

LABEL = "dsl-debug"
SHOWN = 5
SLACK = 1.01
"""How much more than its offer a machine may cost, for rounding."""


class Refused(Exception):
    """Something that is not done; the text is one line."""


@dataclass(frozen=True)
class Rented:
    """A machine that is paid for: dollars an hour, and in all so far; `cap` is None without one."""

    number: int
    state: str
    hourly: float
    spent: float
    cap: float | None

    @property
    def is_over(self) -> bool:
        """Whether it has cost what it may."""
        return self.cap is not None and self.spent >= self.cap


# The client


def vastai(*words: str) -> str:
    """What the client says. Raises Refused with its last line where it fails."""
    if shutil.which("vastai") is None:
        raise Refused("there is no vastai here: pip install vastai, then vastai set api-key")
    told = subprocess.run(["vastai", *words], capture_output=True, text=True)
    if told.returncode:
        raise Refused(f"vastai {words[0]} {words[1]} failed: {_last_line(told.stderr or told.stdout)}")
    return told.stdout


def vastai_json(*words: str) -> Any:
    """The same as data. What is no JSON is a complaint: the client writes some of them and succeeds."""
    text = vastai(*words, "--raw")
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(f"vastai {words[0]} {words[1]} failed: {_last_line(text)}") from None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


# Machines


def offers(disk: int) -> list[dict[str, Any]]:
    """What can be rented, the cheapest first."""
    query = QUERY.format(disk=disk)
    found = vastai_json("search", "offers", query, "--storage", str(disk), "-o", "dph_total")
    return sorted(found, key=lambda offer: float(offer["dph_total"]))


def rented() -> list[Rented]:
    """The machines that were rented here, and are not given back."""
    found = vastai_json("show", "instances")
    return [_rented(row) for row in found if str(row.get("label") or "").startswith(LABEL)]


def _rented(row: dict[str, Any]) -> Rented:
    hourly = float(row["dph_total"])
    hours = max(0.0, time.time() - float(row.get("start_date") or time.time())) / 3600
    cap = str(row["label"]).partition("cap=")[2]
    state = str(row.get("actual_status") or row.get("intended_status") or "unknown")
    return Rented(int(row["id"]), state, hourly, hourly * hours, float(cap) if cap else None)


def chosen(number: int | None) -> Rented:
    """The machine of a number, or the only one. Raises Refused."""
    found = [machine for machine in rented() if number in (None, machine.number)]
    if not found:
        raise Refused("nothing is rented" if number is None else f"no machine {number} is rented here")
    if len(found) > 1:
        raise Refused(f"several are rented, give one: {', '.join(str(m.number) for m in found)}")
    return found[0]


def give_back(machine: Rented) -> None:
    """End paying for it. Raises Refused where it is still there afterwards."""
    vastai("destroy", "instance", str(machine.number), "-y")
    if any(other.number == machine.number for other in rented()):
        raise Refused(f"machine {machine.number} is STILL RENTED: give it back at console.vast.ai")
    print(f"machine {machine.number} is given back; it has cost about {dollars(machine.spent)}")


def dollars(value: float) -> str:
    """An amount, as it is shown."""
    return f"${value:,.2f}"


# Commands


def find(options: argparse.Namespace) -> None:
    """The cheapest offers."""
    found = offers(options.disk)
    if not found:
        raise Refused(f"no machine with {GPUS} A100 of 80 GB and {options.disk} GB of disk is free now")
    for offer in found[:SHOWN]:
        hourly = float(offer["dph_total"])
        where = f"{offer.get('gpu_name', 'A100')}, {offer.get('geolocation') or 'somewhere'}"
        total = dollars(hourly * options.hours)
        print(f"{offer['id']}  {dollars(hourly)} an hour  {total} for {options.hours:g} hours  {where}")


def create(options: argparse.Namespace) -> None:
    """Rent the cheapest offer, if it keeps to the cap and is confirmed."""
    found = offers(options.disk)
    if not found:
        raise Refused(f"no machine with {GPUS} A100 of 80 GB and {options.disk} GB of disk is free now")
    hourly = float(found[0]["dph_total"])
    total = hourly * options.hours
    if total > options.cap:
        raise Refused(
            f"the cheapest offer is {dollars(hourly)} an hour, {dollars(total)} for {options.hours:g} hours:"
            f" more than the cap of {dollars(options.cap)}"
        )
    _confirm(f"{dollars(hourly)} an hour, {dollars(total)} for {options.hours:g} hours", options.yes)
    _check_price(_rent(found[0], options), hourly)


def _confirm(price: str, is_confirmed: bool) -> None:
    print(f"About to rent {GPUS} A100: {price}. It goes on costing until it is given back.")
    if is_confirmed:
        return
    if not sys.stdin.isatty():
        raise Refused("nobody is here to confirm it: give --yes")
    if input("Type 'rent' to go on: ").strip() != "rent":
        raise Refused("not confirmed: nothing is rented")


def _rent(offer: dict[str, Any], options: argparse.Namespace) -> int:
    label = f"{LABEL} cap={options.cap:.2f}"
    words = ["--image", options.image, "--disk", str(options.disk), "--label", label]
    ways = ["--ssh", "--direct", "--cancel-unavail"]
    answer = vastai_json("create", "instance", str(offer["id"]), *words, *ways)
    if not answer.get("success") or "new_contract" not in answer:
        reason = answer.get("msg") or answer.get("error") or "no reason given"
        raise Refused(f"the offer could not be rented: {reason}")
    return int(answer["new_contract"])


def _check_price(number: int, hourly: float) -> None:
    machine = chosen(number)
    if machine.hourly > hourly * SLACK:
        give_back(machine)
        raise Refused(
            f"machine {number} costs {dollars(machine.hourly)} an hour, and its offer said {dollars(hourly)}:"
            " it is given back"
        )
    print(
        f"machine {number} is rented; now: vast.py watch {number} (in another terminal), vast.py ssh {number}"
    )


def status(options: argparse.Namespace) -> None:
    """What is rented, and what it has cost."""
    found = rented()
    print("\n".join(_line(machine) for machine in found) if found else "nothing is rented")


def _line(machine: Rented) -> str:
    cap = f" of {dollars(machine.cap)}" if machine.cap is not None else ""
    over = "  OVER THE CAP: give it back" if machine.is_over else ""
    costs = f"{dollars(machine.hourly)} an hour  {dollars(machine.spent)}{cap} so far"
    return f"{machine.number}  {machine.state}  {costs}{over}"


def watch(options: argparse.Namespace) -> None:
    """Wait until a machine has cost its cap, and give it back then."""
    machine = chosen(options.number)
    if machine.cap is None:
        raise Refused(f"machine {machine.number} has no cap: it was not rented here")
    while not machine.is_over:
        print(_line(machine), flush=True)
        time.sleep(options.every)
        machine = chosen(machine.number)
    give_back(machine)


def ssh(options: argparse.Namespace) -> None:
    """A shell on a machine, or one command there."""
    machine = chosen(options.number)
    address = urlsplit(vastai("ssh-url", str(machine.number)).strip())
    if not address.hostname:
        raise Refused(f"machine {machine.number} is {machine.state} and cannot be reached yet: try again")
    words = ["ssh", "-p", str(address.port or 22), f"{address.username or 'root'}@{address.hostname}"]
    sys.exit(subprocess.call([*words, *options.words]))


def logs(options: argparse.Namespace) -> None:
    """The last lines that a machine has written."""
    print(vastai("logs", str(chosen(options.number).number), "--tail", str(options.tail)), end="")


def destroy(options: argparse.Namespace) -> None:
    """Give a machine back; all that is on it is lost."""
    give_back(chosen(options.number))


# The command line


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message} (see {self.prog} --help)")


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


_above_zero.__name__ = "number above 0"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="vast.py", description="Two A100 from vast.ai, with a cap on what they cost.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        help = (run.__doc__ or "").strip()
        made: argparse.ArgumentParser = commands.add_parser(run.__name__, help=help, description=help)
        made.set_defaults(run=run)
        return made

    for run in (find, create):
        asked = command(run)
        asked.add_argument("--hours", type=_above_zero, required=True, help="how long it is needed")
        asked.add_argument("--disk", type=int, default=DISK, metavar="GB", help=f"disk ({DISK})")
        if run is create:
            asked.add_argument("--cap", type=_above_zero, required=True, metavar="DOLLARS")
            asked.add_argument("--image", required=True, help="a pushed build of the Dockerfile at the top")
            asked.add_argument("--yes", action="store_true", help="do not ask before paying")
    command(status)
    for run in (watch, logs, ssh, destroy):
        asked = command(run)
        asked.add_argument("number", type=int, nargs="?", help="which machine, if there are several")
        if run is watch:
            asked.add_argument("--every", type=_above_zero, default=60.0, metavar="SECONDS")
        if run is logs:
            asked.add_argument("--tail", type=int, default=100, metavar="LINES")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Carry out a command line; the exit status."""
    words = list(arguments)
    place = words.index("--") if "--" in words else len(words)
    try:
        options = _parser().parse_args(words[:place])
        if words[place + 1 :] and options.run is not ssh:
            raise Refused(f"only ssh takes a command after --, not {options.command}")
        options.words = words[place + 1 :]
        options.run(options)
    except Refused as error:
        print(f"vast.py: {error}", file=sys.stderr)
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
