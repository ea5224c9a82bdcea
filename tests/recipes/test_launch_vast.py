"""Renting a machine, against a scripted `vastai`: what is paid, what is refused, what is given back."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "recipes" / "launch" / "vast.py"

# A client that keeps what it is asked, and what is rented, in files beside it.
CLIENT = """\
#!{python}
import json, sys
from pathlib import Path

here = Path({folder!r})
state = json.loads((here / "state.json").read_text())
words = [word for word in sys.argv[1:] if word != "--raw"]
with open(here / "asked.jsonl", "a") as asked:
    asked.write(json.dumps(sys.argv[1:]) + chr(10))


def keep():
    (here / "state.json").write_text(json.dumps(state))


if state.get("says"):
    print(state["says"])
    sys.exit(state.get("status", 0))
if words[:2] == ["search", "offers"]:
    print(json.dumps(state["offers"]))
elif words[:2] == ["create", "instance"]:
    offer = next(o for o in state["offers"] if o["id"] == int(words[2]))
    label = words[words.index("--label") + 1]
    state["instances"].append(
        dict(id=900, label=label, dph_total=state.get("price", offer["dph_total"]), start_date=state["now"],
             actual_status="loading")
    )
    keep()
    print(json.dumps(state.get("answer", dict(success=True, new_contract=900))))
elif words == ["show", "instances"]:
    for instance in state["instances"]:
        instance["start_date"] -= state.get("passes", 0)
    keep()
    print(json.dumps(state["instances"]))
elif words[:2] == ["destroy", "instance"]:
    if not state.get("sticky"):
        state["instances"] = [i for i in state["instances"] if i["id"] != int(words[2])]
    keep()
elif words[0] == "ssh-url":
    print(state.get("address", ""))
elif words[0] == "logs":
    print("step 1")
else:
    sys.exit("no such command: " + " ".join(words))
"""

SSH = """\
#!{python}
import sys
print("ssh", *sys.argv[1:])
sys.exit(3)
"""

OFFERS = [
    {"id": 11, "dph_total": 2.5, "gpu_name": "A100 SXM4", "geolocation": "Sweden, SE"},
    {"id": 12, "dph_total": 1.75, "gpu_name": "A100 PCIE", "geolocation": None},
]
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

    def vast(self, *words: str, told: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SCRIPT), *words],
            env={**os.environ, "PATH": f"{self.folder}:/usr/bin:/bin", "VAST_API_KEY": "never-shown"},
            input=told,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def client(tmp_path: Path) -> Client:
    for name, text in {"vastai": CLIENT, "ssh": SSH}.items():
        (tmp_path / name).write_text(text.format(python=sys.executable, folder=str(tmp_path)))
        (tmp_path / name).chmod(0o755)
    made = Client(tmp_path)
    made.set()
    return made


def instance(**changes: Any) -> dict[str, Any]:
    row = {"id": 900, "label": "dsl-debug cap=10.00", "dph_total": 2.0, "start_date": time.time() - 3600}
    return {**row, "actual_status": "running", **changes}


def refused(run: subprocess.CompletedProcess[str]) -> str:
    """The one line that a refusal is."""
    assert run.returncode == 2, run.stderr
    (line,) = run.stderr.splitlines()
    assert line.startswith("vast.py: ")
    return line.removeprefix("vast.py: ")


# ---- finding and renting


def test_offers_are_shown_with_what_they_cost_in_all(client: Client) -> None:
    run = client.vast("find", "--hours", "10", "--disk", "250")
    assert run.stdout.splitlines() == [
        "12  $1.75 an hour  $17.50 for 10 hours  A100 PCIE, somewhere",
        "11  $2.50 an hour  $25.00 for 10 hours  A100 SXM4, Sweden, SE",
    ]
    (words,) = client.asked
    assert words[:2] == ["search", "offers"]
    assert "num_gpus=2" in words[2]
    assert "disk_space>=250" in words[2]
    assert "cpu_ram>=400" in words[2]
    assert words[3:] == ["--storage", "250", "-o", "dph_total", "--raw"]


def test_the_cheapest_offer_is_rented_with_its_cap(client: Client) -> None:
    run = client.vast(*RENT, "--hours", "10", "--cap", "20", "--yes")
    assert run.returncode == 0, run.stderr
    assert "About to rent 2 A100: $1.75 an hour, $17.50 for 10 hours." in run.stdout
    assert client.rented == [900]
    words = client.asked[1]
    assert words[:3] == ["create", "instance", "12"]
    assert words[words.index("--label") + 1] == "dsl-debug cap=20.00"
    assert {"--ssh", "--direct", "--cancel-unavail"} <= set(words)


def test_nothing_is_rented_above_the_cap(client: Client) -> None:
    line = refused(client.vast(*RENT, "--hours", "10", "--cap", "17.49", "--yes"))
    assert line == ("the cheapest offer is $1.75 an hour, $17.50 for 10 hours: more than the cap of $17.49")
    assert client.rented == []
    assert [words[0] for words in client.asked] == ["search"]


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


def test_an_offer_that_is_gone_is_told(client: Client) -> None:
    client.set(answer={"success": False, "msg": "taken"})
    line = refused(client.vast(*RENT, "--hours", "1", "--cap", "20", "--yes"))
    assert line == "the offer could not be rented: taken"


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
            instance(id=901, start_date=time.time() - 6 * 3600),
            instance(id=7, label="mine"),
        ]
    )
    first, second = client.vast("status").stdout.splitlines()
    assert first == "900  running  $2.00 an hour  $2.00 of $10.00 so far"
    assert second == "901  running  $2.00 an hour  $12.00 of $10.00 so far  OVER THE CAP: give it back"


def test_a_machine_is_given_back_when_it_has_cost_its_cap(client: Client) -> None:
    client.set(instances=[instance()], passes=3600)  # with every look an hour passes, which costs 2 dollars
    run = client.vast("watch", "--every", "0.01")
    assert run.returncode == 0, run.stderr
    spent = [line.split("$")[2].split()[0] for line in run.stdout.splitlines()[:-1]]
    assert spent == ["4.00", "6.00", "8.00"]
    assert run.stdout.splitlines()[-1].startswith("machine 900 is given back; it has cost about $10.00")
    assert client.rented == []


def test_only_machines_with_a_cap_are_watched(client: Client) -> None:
    client.set(instances=[instance(label="dsl-debug")])
    assert refused(client.vast("watch")) == "machine 900 has no cap: it was not rented here"
    assert client.rented == [900]


def test_a_machine_is_given_back_on_demand(client: Client) -> None:
    client.set(instances=[instance()])
    assert "machine 900 is given back" in client.vast("destroy").stdout
    assert client.rented == []
    assert refused(client.vast("destroy")) == "nothing is rented"


def test_a_machine_that_is_still_there_is_told_loudly(client: Client) -> None:
    client.set(instances=[instance()], sticky=True)
    assert refused(client.vast("destroy")) == "machine 900 is STILL RENTED: give it back at console.vast.ai"


def test_machines_of_others_are_left_alone(client: Client) -> None:
    client.set(instances=[instance(label="mine")])
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


def test_a_machine_that_is_not_up_yet_is_told(client: Client) -> None:
    client.set(instances=[instance(actual_status="loading")])
    assert refused(client.vast("ssh")) == "machine 900 is loading and cannot be reached yet: try again"


# ---- what goes wrong


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"says": "failed with error 401: bad key", "status": 1}, "failed: failed with error 401: bad key"),
        ({"says": "failed with error 401: bad key"}, "failed: failed with error 401: bad key"),
        ({"says": "line one\n\nlast line\n", "status": 1}, "failed: last line"),
    ],
)
def test_what_the_client_complains_of_is_told_in_a_line(
    client: Client, state: dict[str, Any], message: str
) -> None:
    client.set(**state)
    assert refused(client.vast("status")) == f"vastai show instances {message}"


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
