"""Renting a machine, against a scripted `vastai`: what is paid, what is refused, what is given back."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.recipes.scripted_vastai import LONG, RENT, ROOT, Client, instance, refused, scripted_vastai


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return scripted_vastai(tmp_path)


# ---- finding and renting


def test_offers_are_shown_with_what_they_cost_in_all(client: Client) -> None:
    run = client.vast("find", "--hours", "10", "--disk", "250")
    assert run.stdout.splitlines() == [
        "12  $1.75 an hour  $17.50 for 10 hours  A100 PCIE, somewhere",
        "11  $2.50 an hour  $25.00 for 10 hours  A100 SXM4, Sweden, SE",
    ]
    (words,) = client.asked
    assert words[:2] == ["search", "offers"]
    assert "cuda_vers>=13.0" in words[2], "what vLLM in the image is built for"
    assert "num_gpus=2" in words[2]
    assert "disk_space>=250" in words[2]
    assert "cpu_ram>=400" in words[2]
    assert words[3:] == ["--storage", "250", "-o", "dph_total", "--raw"]


def test_the_cheapest_offer_is_rented_with_its_cap(client: Client) -> None:
    run = client.vast(*RENT, "--hours", "10", "--cap", "20", "--yes")
    assert run.returncode == 0, run.stderr
    assert "About to rent 2 A100: $1.75 an hour, $17.50 for 10 hours." in run.stdout
    assert client.rented == [900]
    words = client.asked[2]
    assert words[:3] == ["create", "instance", "12"]
    assert words[words.index("--label") + 1] == "dsl-debug cap=20.00"
    assert {"--ssh", "--direct", "--cancel-unavail"} <= set(words)


def test_nothing_is_rented_above_the_cap(client: Client) -> None:
    line = refused(client.vast(*RENT, "--hours", "10", "--cap", "17.49", "--yes"))
    assert line == ("the cheapest offer is $1.75 an hour, $17.50 for 10 hours: more than the cap of $17.49")
    assert client.rented == []
    assert client.times("create") == 0


def test_nothing_is_rented_without_a_confirmation(client: Client) -> None:
    assert refused(client.vast(*RENT, "--hours", "1", "--cap", "20")) == (
        "nobody is here to confirm it: give --yes"
    )
    assert client.rented == []


@pytest.mark.parametrize(("answer", "rents"), [("rent", True), ("yes", False), ("", False)])
def test_whoever_sits_there_is_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch, answer: str, rents: bool
) -> None:
    from recipes.launch import vast

    monkeypatch.setenv("PATH", f"{client.folder}:/usr/bin:/bin")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert vast.main([*RENT, "--hours", "1", "--cap", "20"]) == (0 if rents else 2)
    assert client.rented == ([900] if rents else [])


def test_a_machine_that_costs_more_than_its_offer_is_given_back(client: Client) -> None:
    client.set(price=9.0)
    line = refused(client.vast(*RENT, "--hours", "10", "--cap", "20", "--yes"))
    assert line == "machine 900 costs $9.00 an hour, and its offer said $1.75: it is given back"
    assert client.rented == []


@pytest.mark.parametrize("command", [("find",), (*RENT, "--cap", "5", "--yes")])
def test_without_an_offer_nothing_happens(client: Client, command: tuple[str, ...]) -> None:
    client.set(offers=[])
    line = refused(client.vast(*command, "--hours", "1"))
    assert line == "no machine with 2 A100 of 80 GB and 600 GB of disk is free now"


# ---- looking after it


def test_the_state_says_what_it_has_cost(client: Client) -> None:
    assert client.vast("status").stdout == "nothing is rented\n"
    client.set(
        instances=[
            instance(),
            instance(id=901, start_date=time.time() - 6 * LONG),
            instance(id=7, label="mine"),
        ]
    )
    first, second = client.vast("status").stdout.splitlines()
    assert first == "900  running  $0.02 an hour  $2.00 of $10.00 so far"
    assert second == "901  running  $0.02 an hour  $12.00 of $10.00 so far  OVER THE CAP: give it back"


def test_a_machine_is_given_back_when_it_has_cost_its_cap(client: Client) -> None:
    client.set(instances=[instance()], passes=LONG)  # with every look, which costs 2 dollars
    run = client.vast("watch", "--every", "0.01")
    assert run.returncode == 0, run.stderr
    spent = [line.split("$")[2].split()[0] for line in run.stdout.splitlines()[:-1]]
    assert spent == ["4.00", "6.00", "8.00"]
    assert run.stdout.splitlines()[-1].startswith("machine 900 is given back; it has cost about $10.00")
    assert client.rented == []


def test_a_machine_is_given_back_on_demand(client: Client) -> None:
    client.set(instances=[instance()])
    assert "machine 900 is given back" in client.vast("destroy").stdout
    assert client.rented == []
    assert refused(client.vast("destroy")) == "nothing is rented"


def test_a_machine_that_is_still_there_is_told_loudly(client: Client) -> None:
    client.set(instances=[instance()], sticky=True)
    assert refused(client.vast("destroy")) == (
        "machine 900 is STILL RENTED (destroying instance 900.): give it back at console.vast.ai"
    )


@pytest.mark.parametrize("label", ["mine", "", None, "dsl-debugger cap=10.00"])
def test_machines_of_others_are_left_alone(client: Client, label: str | None) -> None:
    client.set(instances=[instance(label=label)])
    assert refused(client.vast("destroy", "900")) == "no machine 900 is rented here"
    assert client.rented == [900]


def test_of_several_machines_one_has_to_be_named(client: Client) -> None:
    client.set(instances=[instance(), instance(id=901)])
    assert refused(client.vast("logs")) == "several are rented, give one: 900, 901"
    assert client.vast("logs", "901", "--tail", "5").stdout == "step 1\n"
    assert client.asked[-1] == ["logs", "901", "--tail", "5"]


def test_a_command_runs_there(client: Client) -> None:
    client.set(instances=[instance()], address="ssh://root@10.0.0.1:4711")
    run = client.vast("ssh", "--", "nvidia-smi", "-L")
    assert run.stdout == "ssh -p 4711 root@10.0.0.1 nvidia-smi -L\n"
    assert run.returncode == 3, "what the command ended with"


@pytest.mark.parametrize("address", ["", "error: ssh port not found", "ssh://root@10.0.0.1:none"])
def test_a_machine_that_is_not_up_yet_is_told(client: Client, address: str) -> None:
    client.set(instances=[instance(actual_status="loading")], address=address)
    assert refused(client.vast("ssh")) == "machine 900 is loading and cannot be reached yet: try again"


# ---- what goes wrong


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"out": "failed with error 401: bad key", "status": 1}, "failed with error 401: bad key"),
        ({"out": "failed with error 401: bad key"}, "failed with error 401: bad key"),
        ({"out": "line one\n\nlast line\n", "status": 1}, "last line"),
        # The form of what the service reports.
        ({"err": '{"error": true, "status_code": 401, "msg": "bad key"}\n'}, "bad key"),
        ({"out": '{"success": false, "msg": "bad key"}'}, "bad key"),
        ({"out": "[1, 2]"}, "[1, 2]"),
        ({}, "it said nothing"),
        ({"err": "\ufffd", "status": 1}, "\ufffd"),
        ({"out": '[{"label": "dsl-debug"}]'}, "it lists a machine without a number"),
        ({"seconds": 30}, "no answer in 0.3 seconds"),
    ],
)
def test_what_the_client_complains_of_is_told_in_a_line(
    client: Client, fault: dict[str, Any], message: str
) -> None:
    client.set(faults={"show": [fault]}, instances=[instance()])
    run = client.vast("status", patience=0.3 if "seconds" in fault else 60)
    assert refused(run) == f"vastai show instances failed: {message}"


def test_without_the_client_the_line_says_what_to_install(client: Client) -> None:
    (client.folder / "vastai").unlink()
    line = refused(client.vast("status"))
    assert line == "there is no vastai here: pip install vastai, then vastai set api-key"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("find",), "the following arguments are required: --hours"),
        (("find", "--hours", "-1"), "argument --hours: invalid number above 0 value: '-1'"),
        (("find", "--hours", "nan"), "argument --hours: invalid number above 0 value: 'nan'"),
        ((*RENT, "--hours", "1"), "the following arguments are required: --cap"),
        ((*RENT, "--hours", "1", "--cap", "0"), "argument --cap: invalid number above 0 value: '0'"),
        (("status", "--", "ls"), "only ssh takes a command after --, not status"),
    ],
)
def test_arguments_without_sense(client: Client, words: tuple[str, ...], message: str) -> None:
    assert refused(client.vast(*words)).startswith(message)
    assert client.asked == []


def test_the_key_is_on_no_command_line(client: Client) -> None:
    run = client.vast(*RENT, "--hours", "1", "--cap", "20", "--yes")
    assert "never-shown" not in json.dumps([client.asked, run.stdout, run.stderr])


def test_it_starts_as_a_file_from_anywhere(client: Client) -> None:
    command = [sys.executable, str(ROOT / "recipes" / "launch" / "vast.py"), "status"]
    environment = {**os.environ, "PATH": f"{client.folder}:/usr/bin:/bin"}
    run = subprocess.run(
        command, cwd=client.folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert (run.stdout, run.returncode) == ("nothing is rented\n", 0), run.stderr
