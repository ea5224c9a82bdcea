"""That nobody pays for a machine without knowing: what fails while one is rented, watched or given back."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from recipes.launch import machines, vast
from tests.recipes.scripted_vastai import LONG, RENT, Client, instance, refused, scripted_vastai

SERVICE = {"err": '{"error": true, "status_code": 500, "msg": "try later"}\n'}
"""What the service reports: a complaint on standard error, nothing on standard output, and status 0."""

DOWN = {"err": "Traceback\nConnectionError: no network\n", "status": 1}
EMPTY = {"out": "[]"}
"""A list that leaves out what is there."""

CREATE = (*RENT, "--hours", "10", "--cap", "20", "--yes")
WHERE = "`vast.py status`, `vast.py destroy 900`, or console.vast.ai"
PAID = f"machine 900 IS RENTED: {WHERE}"


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return scripted_vastai(tmp_path)


# ---- watching


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (SERVICE, "vastai show instances failed: try later"),
        (DOWN, "vastai show instances failed: ConnectionError: no network"),
        ({"out": "<html>"}, "vastai show instances failed: <html>"),
        ({"out": '{"msg": "busy"}'}, "vastai show instances failed: busy"),
        ({"out": '[{"id": null, "label": "dsl-debug"}]'}, "it lists a machine without a number"),
        (EMPTY, None),
    ],
    ids=["service", "network", "no JSON", "no list", "no number", "empty"],
)
def test_a_look_that_fails_does_not_end_the_watch(
    client: Client, fault: dict[str, Any], told: str | None
) -> None:
    # An empty first list says that nothing is rented; a later one is checked, and 2 dollars pass meanwhile.
    looks = [None, fault] if fault is EMPTY else [fault, None, fault]
    client.set(instances=[instance()], passes=LONG, faults={"show": looks})
    run = client.here("watch", "--every", "0.01")
    assert run.returncode == 0, run.stderr
    assert client.rented == []
    assert run.stdout.splitlines()[-1].startswith("machine 900 is given back; it has cost about $10.00")
    assert told is None or (f"{told}; trying again" in run.stdout and f"{told}; watching on" in run.stdout)
    assert run.stderr == ""


@pytest.mark.parametrize("fault", [SERVICE, DOWN], ids=["service", "network"])
def test_giving_back_that_fails_is_tried_again(client: Client, fault: dict[str, Any]) -> None:
    client.set(instances=[instance()], passes=LONG, faults={"destroy": [fault]})
    run = client.here("watch", "--every", "0.01")
    assert run.returncode == 0, run.stderr
    assert (client.rented, client.times("destroy")) == ([], 2)
    assert "machine 900 is STILL RENTED (vastai destroy instance failed: " in run.stdout
    assert "watching on\n" in run.stdout


def test_a_machine_that_cannot_be_looked_at_after_its_end_is_looked_at_again(client: Client) -> None:
    client.set(instances=[instance(dph_total=0.11)], faults={"show": [None, *[DOWN] * 5]})
    run = client.here("watch", "--every", "0.01")
    assert run.returncode == 0, run.stderr
    assert "machine 900 MAY STILL BE RENTED: vastai show instances failed: ConnectionError" in run.stdout
    assert run.stdout.splitlines()[-1].startswith("machine 900 is given back")
    assert (client.rented, client.times("destroy")) == ([], 2)


@pytest.mark.parametrize(
    "later",
    [None, {"dph_total": None}, {"label": "dsl-debug"}, {"start_date": None}],
    ids=["no answer", "no price", "no cap", "no start"],
)
def test_the_cap_holds_by_the_clock_where_lists_say_no_more(
    monkeypatch: pytest.MonkeyPatch, later: dict[str, Any] | None
) -> None:
    now, ended, looks = [1_000_000.0], [], []

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def vastai(*words: str) -> str:
        if words[0] == "destroy":
            ended.append(now[0])
        if ended:
            return "[]"
        looks.append(now[0])
        row = instance(dph_total=2.0, start_date=1_000_000 - 3600)
        if len(looks) > 1 and later is None:
            raise machines.Unseen("no network")
        return json.dumps([row if len(looks) == 1 else {**row, **(later or {})}])

    clock = SimpleNamespace(time=lambda: now[0], sleep=sleep)
    for module in (machines, vast):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(machines, "vastai", vastai)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert vast.main(["watch", "--every", "3600"]) == 0
    # 2 dollars an hour, one of five hours was over.
    assert ended == [1_000_000 + 4 * 3600]
    assert len(looks) == 5


def test_the_watch_ends_where_the_machine_is_gone(client: Client) -> None:
    client.set(instances=[instance()], faults={"show": [None, *[EMPTY] * 4]})
    run = client.here("watch", "--every", "0.01")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "machine 900 is gone: it was given back elsewhere"
    assert client.times("destroy") == 0


@pytest.mark.parametrize("label", ["dsl-debug", "dsl-debug cap=ten"])
def test_a_label_without_a_cap_is_told(client: Client, label: str) -> None:
    client.set(instances=[instance(label=label)])
    assert client.here("status").stdout == "900  running  $0.02 an hour  $2.00 so far\n"
    line = refused(client.here("watch"))
    assert line == "machine 900 has no cap in its label, and nothing to be watched for"
    assert client.here("destroy").returncode == 0
    assert client.rented == []


def test_a_machine_without_a_price_is_shown_and_given_back(client: Client) -> None:
    client.set(instances=[instance(dph_total=None)])
    assert client.here("status").stdout == "900  running  at a price that vast.ai does not say\n"
    assert client.here("destroy").returncode == 0
    assert client.rented == []


def test_of_two_machines_the_watch_wants_one(client: Client) -> None:
    client.set(instances=[instance(), instance(id=901)])
    assert refused(client.here("watch")) == "several are rented, give one: 900, 901"


def test_the_watch_outlives_its_terminal(client: Client) -> None:
    client.set(instances=[instance()], passes=LONG, faults={"show": [{**DOWN, "signal": "SIGHUP"}]})
    assert client.vast("watch", "--every", "0.01").returncode == 0
    assert client.rented == []


# ---- renting


def test_nothing_is_rented_where_what_is_rented_cannot_be_seen(client: Client) -> None:
    client.set(faults={"show": [DOWN]})
    assert refused(client.here(*CREATE)) == "vastai show instances failed: ConnectionError: no network"
    assert client.rented == []


def test_what_is_rented_already_is_said_before_more_is(client: Client) -> None:
    client.set(instances=[instance(id=7)])
    run = client.here(*CREATE)
    assert run.stdout.startswith(
        "already rented: 7  running  $0.02 an hour  $2.00 of $10.00 so far\nAbout to"
    )
    assert client.rented == [7, 900]


@pytest.mark.parametrize("fault", [EMPTY, DOWN, SERVICE], ids=["not listed", "network", "service"])
def test_a_new_machine_is_looked_for_several_times(client: Client, fault: dict[str, Any]) -> None:
    client.set(faults={"show": [None, *[fault] * 4]})
    run = client.here(*CREATE)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].startswith("machine 900 is rented; now: vast.py watch 900")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (EMPTY, "it is not listed with a price"),
        ({"out": json.dumps([instance(dph_total=None)])}, "it is not listed with a price"),
        (DOWN, "vastai show instances failed: ConnectionError: no network"),
    ],
    ids=["not listed", "no price", "network"],
)
def test_a_new_machine_that_is_not_seen_is_told_as_paid(
    client: Client, fault: dict[str, Any], reason: str
) -> None:
    client.set(faults={"show": [None, *[fault] * 5]})
    line = refused(client.here(*CREATE))
    assert line == f"machine 900 IS RENTED and could not be looked at ({reason}): {WHERE}"
    assert (client.rented, client.times("show")) == ([900], 6)


def test_a_machine_that_is_too_dear_and_stays_is_told(client: Client) -> None:
    client.set(price=9.0, sticky=True)
    assert refused(client.here(*CREATE)) == (
        "machine 900 costs $9.00 an hour, and its offer said $1.75; machine 900 is STILL RENTED (destroying"
        " instance 900.): give it back at console.vast.ai"
    )


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            {"err": '{"error": true, "status_code": 410, "msg": "taken"}'},
            "vastai create instance failed: taken",
        ),
        ({"out": '{"success": false, "msg": "taken"}'}, "the offer could not be rented: taken"),
        ({"out": "null"}, "the offer could not be rented: no reason given"),
    ],
    ids=["service", "answer", "nothing"],
)
def test_an_offer_that_is_gone_is_told(client: Client, fault: dict[str, Any], told: str) -> None:
    client.set(faults={"create": [fault]})
    line = refused(client.here(*CREATE))
    assert line == f"{told}; no new machine is listed: look once more in a minute, `vast.py status`"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (DOWN, "vastai create instance failed: ConnectionError: no network"),
        ({"out": "Started."}, "vastai create instance failed: Started."),
        ({"out": '{"success": true}'}, "the offer could not be rented: no reason given"),
        ({"out": '"hm"'}, "the offer could not be rented: hm"),
    ],
    ids=["network", "no JSON", "no number", "text"],
)
def test_a_machine_whose_renting_was_not_answered_is_found(
    client: Client, fault: dict[str, Any], told: str
) -> None:
    older = instance(id=7)
    client.set(instances=[older], faults={"create": [{**fault, "does": True}], "show": [None, DOWN]})
    assert refused(client.here(*CREATE)) == f"{told}; {PAID}"


def test_where_nothing_can_be_seen_a_machine_may_be_rented(client: Client) -> None:
    client.set(faults={"create": [{**DOWN, "does": True}], "show": [None, *[DOWN] * 5]})
    assert refused(client.here(*CREATE)) == (
        "vastai create instance failed: ConnectionError: no network; A MACHINE MAY BE RENTED:"
        " `vast.py status`, or console.vast.ai (vastai show instances failed: ConnectionError: no network)"
    )


# ---- interrupting


def test_ctrl_c_does_not_stop_a_renting_halfway(client: Client) -> None:
    answer = '{"success": true, "new_contract": 900}'
    client.set(faults={"create": [{"does": True, "signal": "SIGINT", "out": answer}]})
    run = client.vast(*CREATE)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].startswith("machine 900 is rented; now: vast.py watch 900")


def test_ctrl_c_after_the_renting_tells_what_is_rented(client: Client) -> None:
    client.set(faults={"show": [None, {"signal": "SIGINT"}]})
    assert refused(client.vast(*CREATE)) == f"interrupted: {PAID}"
    assert client.rented == [900]


def test_ctrl_c_after_a_renting_without_an_answer_tells_what_may_be(client: Client) -> None:
    client.set(faults={"create": [{**DOWN, "does": True}], "show": [None, {"signal": "SIGINT"}]})
    line = refused(client.vast(*CREATE))
    assert line == "interrupted: A MACHINE MAY BE RENTED: `vast.py status`, or console.vast.ai"


@pytest.mark.parametrize(
    ("words", "command"),
    [(("watch",), "show"), (("ssh",), "ssh-url"), (("logs",), "logs"), (("destroy",), "destroy")],
)
def test_ctrl_c_says_that_the_machine_goes_on_costing(
    client: Client, words: tuple[str, ...], command: str
) -> None:
    client.set(instances=[instance()], faults={command: [{"signal": "SIGINT"}]})
    run = client.vast(*words)
    assert run.returncode == 130
    assert run.stderr.splitlines()[-1] == (
        "vast.py: interrupted; what is rented goes on costing, and is not watched from here: `vast.py status`"
    )
    assert "Traceback" not in run.stderr
