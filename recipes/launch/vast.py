"""Rent two A100 from vast.ai for a training run, look after them, and give them back.

    python recipes/launch/vast.py find --hours 24
    python recipes/launch/vast.py create --hours 24 --cap 60 --image USER/dsl-debug    # asks before it pays
    python recipes/launch/vast.py watch                              # gives the machine back at the cap
    python recipes/launch/vast.py status | logs | ssh [-- COMMAND] | destroy

Needs vastai (`pip install vastai`, then `vastai set api-key`), which does all the talking. What guards the
money: nothing is rented whose price for the hours asked for is above the cap; the machine is given back at
once if it costs more than its offer said; and `watch` gives it back when it has cost the cap, by the clock
where vast.ai does not answer, and also after its terminal is gone. What does not: traffic is charged on top,
and `watch` works only while it runs, and for one machine.

No token is handed over here, because commands are logged: log in on the machine (`hf auth login`).
"""

import argparse
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

# Started as a file, Python looks for modules in recipes/launch/ only.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from recipes.launch.machines import (
    GPUS,
    LABEL,
    Refused,
    Rented,
    Unseen,
    chosen,
    dollars,
    give_back,
    is_gone,
    last_line,
    listed,
    offers,
    patiently,
    rented,
    say,
    vastai,
    vastai_json,
    where,
)

REFUSED = 2
"""The exit status where something cannot be done; one line says what, and what to do."""

INTERRUPTED = 130

DISK = 600
"""GB: the checkpoints of a 7B run (450), the model that it starts from, and the image."""

SHOWN = 5
SLACK = 1.01
"""How much more than its offer a machine may cost, for rounding."""

# Commands


def find(options: argparse.Namespace) -> None:
    """The cheapest offers."""
    for offer in offers(options.disk)[:SHOWN]:
        hourly = float(offer["dph_total"])
        place = f"{offer.get('gpu_name', 'A100')}, {offer.get('geolocation') or 'somewhere'}"
        total = dollars(hourly * options.hours)
        print(f"{offer['id']}  {dollars(hourly)} an hour  {total} for {options.hours:g} hours  {place}")


def create(options: argparse.Namespace) -> None:
    """Rent the cheapest offer, if it keeps to the cap and is confirmed."""
    # Nothing is rented where what is rented cannot be seen.
    before = rented()
    offer = offers(options.disk)[0]
    hourly = float(offer["dph_total"])
    total = hourly * options.hours
    if total > options.cap:
        raise Refused(
            f"the cheapest offer is {dollars(hourly)} an hour, {dollars(total)} for {options.hours:g} hours:"
            f" more than the cap of {dollars(options.cap)}"
        )
    for machine in before:
        print(f"already rented: {_line(machine)}")
    _confirm(f"{dollars(hourly)} an hour, {dollars(total)} for {options.hours:g} hours", options.yes)
    number = None
    try:
        number = _rent(offer, options, {machine.number for machine in before})
        _check_price(number, hourly)
    except KeyboardInterrupt:
        raise Refused(f"interrupted: {_is_paid(number)}") from None


def _confirm(price: str, is_confirmed: bool) -> None:
    print(f"About to rent {GPUS} A100: {price}. It goes on costing until it is given back.", flush=True)
    if is_confirmed:
        return
    if not sys.stdin.isatty():
        raise Refused("nobody is here to confirm it: give --yes")
    try:
        answer = input("Type 'rent' to go on: ")
    except (EOFError, KeyboardInterrupt):
        answer = ""
    if answer.strip() != "rent":
        raise Refused("not confirmed: nothing is rented")


def _rent(offer: dict[str, Any], options: argparse.Namespace, before: set[int]) -> int:
    """The number of the new machine. Raises Refused, which says what is rented all the same."""
    label = f"{LABEL} cap={options.cap:.2f}"
    words = ["--image", options.image, "--disk", str(options.disk), "--label", label]
    ways = ["--ssh", "--direct", "--cancel-unavail"]
    try:
        with _undisturbed():
            answer = vastai_json("create", "instance", str(offer["id"]), *words, *ways)
    except Unseen as error:
        raise Refused(f"{error}; {_left_by_failure(before)}") from None
    told = answer if isinstance(answer, dict) else {"msg": answer}
    if told.get("success") and isinstance(told.get("new_contract"), int):
        return int(told["new_contract"])
    reason = told.get("msg") or told.get("error") or "no reason given"
    raise Refused(f"the offer could not be rented: {reason}; {_left_by_failure(before)}")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C does nothing, here and in what is started: whoever stopped a renting halfway would not know
    whether they pay."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, heard)


def _left_by_failure(before: set[int]) -> str:
    """What is rented after a renting that failed: its answer may be lost, and the machine there."""
    say("that failed; looking whether a machine is rented all the same")

    def look() -> int | None:
        return next((machine.number for machine in rented() if machine.number not in before), None)

    try:
        number = patiently(look)
    except Unseen as error:
        return f"{_is_paid(None)} ({error})"
    if number is None:
        return "no new machine is listed: look once more in a minute, `vast.py status`"
    return _is_paid(number)


def _is_paid(number: int | None) -> str:
    if number is None:
        return "A MACHINE MAY BE RENTED: `vast.py status`, or console.vast.ai"
    return f"machine {number} IS RENTED: {where(number)}"


def _check_price(number: int, hourly: float) -> None:
    machine = _seen(number)
    if machine.hourly > hourly * SLACK:
        said = f"its offer said {dollars(hourly)}"
        costs = f"machine {number} costs {dollars(machine.hourly)} an hour, and {said}"
        try:
            give_back(machine)
        except Refused as error:
            raise Refused(f"{costs}; {error}") from None
        raise Refused(f"{costs}: it is given back")
    then = f"vast.py watch {number} (in another terminal), vast.py ssh {number}"
    say(f"machine {number} is rented; now: {then}")


def _seen(number: int) -> Rented:
    """A machine that was rented just now, with its price: it may take a while until it is listed."""

    def look() -> Rented | None:
        machine = listed(number)
        return None if machine is None or math.isnan(machine.hourly) else machine

    try:
        found, reason = patiently(look), "it is not listed with a price"
    except Unseen as error:
        found, reason = None, str(error)
    if found is None:
        raise Refused(f"machine {number} IS RENTED and could not be looked at ({reason}): {where(number)}")
    return found


def status(options: argparse.Namespace) -> None:
    """What is rented, and what it has cost."""
    found = rented()
    print("\n".join(_line(machine) for machine in found) if found else "nothing is rented")


def _line(machine: Rented) -> str:
    if math.isnan(machine.hourly):
        return f"{machine.number}  {machine.state}  at a price that vast.ai does not say"
    cap = f" of {dollars(machine.cap)}" if machine.cap is not None else ""
    over = "  OVER THE CAP: give it back" if machine.is_over else ""
    costs = f"{dollars(machine.hourly)} an hour  {dollars(machine.spent)}{cap} so far"
    return f"{machine.number}  {machine.state}  {costs}{over}"


def watch(options: argparse.Namespace) -> None:
    """Wait until a machine has cost its cap, and give it back then."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    machine = _first_look(options)
    if machine.cap is None:
        raise Refused(f"machine {machine.number} has no cap in its label, and nothing to be watched for")
    while True:
        is_over = machine.is_over
        try:
            if is_over:
                return give_back(machine)
            say(_line(machine))
            time.sleep(options.every)
            found = listed(machine.number)
            if found is None and is_gone(machine.number):
                return say(f"machine {machine.number} is gone: it was given back elsewhere")
            machine = machine if found is None else machine.updated(found)
        except Refused as error:  # whatever fails is tried again: while it does, the machine costs
            say(f"{error}; watching on")
            if is_over:
                time.sleep(options.every)


def _first_look(options: argparse.Namespace) -> Rented:
    while True:
        try:
            return chosen(options.number)
        except Unseen as error:
            say(f"{error}; trying again")
            time.sleep(options.every)


def ssh(options: argparse.Namespace) -> None:
    """A shell on a machine, or one command there."""
    machine = chosen(options.number)
    words = _way_to(vastai("ssh-url", str(machine.number)))
    if not words:
        raise Refused(f"machine {machine.number} is {machine.state} and cannot be reached yet: try again")
    try:
        sys.exit(subprocess.call(["ssh", *words, *options.words]))
    except OSError as error:
        raise Refused(f"ssh cannot be started: {error.strerror}") from None


def _way_to(url: str) -> list[str]:
    """The arguments of ssh for an address like ssh://root@10.0.0.1:4711; [] where it is none."""
    try:
        address = urlsplit(last_line(url))
        port = address.port or 22
    except ValueError:
        return []
    return ["-p", str(port), f"{address.username or 'root'}@{address.hostname}"] if address.hostname else []


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
    except KeyboardInterrupt:
        text = "what is rented goes on costing, and is not watched from here: `vast.py status`"
        print(f"vast.py: interrupted; {text}", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
