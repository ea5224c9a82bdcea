"""Starting and stopping: where the app listens, what it says, and that it asks nobody for anything."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from space import launch
from space.handlers.outbound import is_public
from space.library import Library
from tests.space.conftest import ROOT

# Notes down every address outside of this machine that a process wants to reach.
WATCH = """
import os, sys

def hear(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        place = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        place = arguments[1][0] if isinstance(arguments[1], tuple) else None
    else:
        return
    if place not in (None, "", "127.0.0.1", "::1", "localhost", "0.0.0.0", b"127.0.0.1"):
        with open(os.environ["STRANGERS"], "a") as file:
            file.write(f"{event} {place}\\n")

sys.addaudithook(hear)
"""


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that something listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_busy_port_is_passed_over() -> None:
    with taken_port() as port:
        assert port < launch.free_port("127.0.0.1", port) < port + launch.PORTS_TRIED
    assert launch.free_port("127.0.0.1", port) == port


def test_ports_that_are_all_taken_are_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launch, "PORTS_TRIED", 1)
    with taken_port() as port:
        assert launch.command(["serve", "--port", str(port)]) == 2
    said = f"nothing can listen at 127.0.0.1 on a port from {port} to {port}: name another with --port"
    assert capsys.readouterr().err == f"python -m space: {said}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--port", "0"], "argument --port: a port is a number from 1 to 65535, not '0'"),
        (["serve", "--port", "70000"], "argument --port: a port is a number from 1 to 65535, not '70000'"),
        (["serve", "--prot", "1"], "unrecognized arguments: --prot 1"),
        (["sample"], "the following arguments are required: dataset"),
        (
            ["nothing"],
            "argument COMMAND: invalid choice: 'nothing' (choose from 'serve', 'sample', 'publish')",
        ),
    ],
)
def test_bad_input_is_told_in_a_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch.command(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.replace(
        "choose from serve, sample, publish", "choose from 'serve', 'sample', 'publish'"
    ).startswith(f"python -m space: {said}")


def test_a_port_of_the_environment_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", "soon")
    assert launch.command(["serve"]) == 2
    assert "a port is a number from 1 to 65535, not 'soon'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({}, "127.0.0.1"),
        ({"SPACE_ID": "user/dsl-debug"}, "0.0.0.0"),
        ({"SPACE_ID": "user/dsl-debug", "GRADIO_SERVER_NAME": "10.0.0.1"}, "10.0.0.1"),
    ],
)
def test_only_a_host_opens_the_app_to_others(
    environment: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    called: list[tuple[str, int, bool]] = []
    monkeypatch.setattr(
        launch, "serve", lambda h, port, *, opens_browser: called.append((h, port, opens_browser)) or 0
    )
    assert launch.main() == 0
    assert called == [(host, 7860, True)]


@pytest.mark.parametrize(
    ("host", "environment", "guarded"),
    [
        ("127.0.0.1", {}, False),
        ("localhost", {}, False),
        ("127.0.0.1", {"SPACE_ID": "user/dsl-debug"}, True),
        ("0.0.0.0", {}, True),
        ("10.0.0.1", {}, True),
        ("", {}, True),
        ("0.0.0.0", {"DSL_DEBUG_PUBLIC": ""}, True),
        ("0.0.0.0", {"DSL_DEBUG_PUBLIC": "0"}, False),
        ("0.0.0.0", {"DSL_DEBUG_PUBLIC": "0", "SPACE_ID": "user/dsl-debug"}, True),
        ("127.0.0.1", {"DSL_DEBUG_PUBLIC": "1"}, True),
    ],
)
def test_where_others_can_reach_the_app_they_name_public_addresses_only(
    host: str, environment: dict[str, str], guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def launched(*_: object) -> None:
        seen.append(is_public())
        raise launch.Refused("enough")

    monkeypatch.setattr(os, "environ", dict(environment))
    monkeypatch.setattr(sys, "setswitchinterval", lambda seconds: None)
    monkeypatch.setattr(launch, "open_library", lambda place: None)
    monkeypatch.setattr(launch, "free_port", lambda host, port: port)
    monkeypatch.setattr(launch, "_launched", launched)
    with pytest.raises(launch.Refused, match="enough"):
        launch.serve(host, 7860, opens_browser=False)
    assert seen == [guarded]


def test_what_gradio_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ui = pytest.importorskip("space.ui", reason="needs gradio: pip install 'dsl-debug[space]'")
    demo = Mock(mcp_error=None)
    monkeypatch.setattr(ui, "build", lambda library: demo)
    launch._launched(Library({}, {}, {}), "127.0.0.1", 7860)
    told = demo.launch.call_args.kwargs
    assert told["share"] is False
    assert told["state_session_capacity"] == 1_000
    assert told["max_file_size"] == "10kb"


def test_uploads_are_deleted(library: Library) -> None:
    ui = pytest.importorskip("space.ui", reason="needs gradio: pip install 'dsl-debug[space]'")
    assert ui.build(library).delete_cache == (600, 600)


@pytest.mark.parametrize(
    ("environment", "shown"),
    [({}, False), ({"DISPLAY": ":0"}, True), ({"DISPLAY": ":0", "SPACE_ID": "user/dsl-debug"}, False)],
)
def test_a_browser_opens_where_one_can_be_seen(
    environment: dict[str, str], shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SPACE_ID", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", "linux")
    assert launch.has_display() is shown


def test_importing_the_entry_starts_and_loads_nothing() -> None:
    code = (
        "import sys, app; print([m for m in ('gradio', 'datasets', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def start(port: int, folder: Path) -> "subprocess.Popen[str]":
    """The app at a port, in a process that notes down whom it wants to reach."""
    (folder / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GRADIO_", "HF_", "DSL_DEBUG"))}
    environment |= {"PYTHONPATH": str(folder), "STRANGERS": str(folder / "strangers"), "HF_HOME": str(folder)}
    command = [sys.executable, "-m", "space", "serve", "--port", str(port), "--no-browser"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


def status(request: str | urllib.request.Request) -> int:
    """The status of the app's answer."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def upload(url: str, size: int) -> urllib.request.Request:
    """A file of `size` bytes on its way to the app."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    return urllib.request.Request(url, head + b"a" * size + b"\r\n--x--\r\n", kind)


def test_it_starts_beside_a_busy_port_asks_nobody_and_ends_by_ctrl_c(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="needs gradio: pip install 'dsl-debug[space]'")
    with taken_port() as port:
        app = start(port, tmp_path)
        try:
            first, second = app.stdout.readline(), app.stdout.readline()
            told = re.fullmatch(rf"Port {port} is taken, so this is port (\d+)\.\n", first)
            assert told, first or app.stderr.read()
            free = told[1]
            assert second == f"DSL Debug runs at http://127.0.0.1:{free} (Ctrl-C stops it)\n"
            with urllib.request.urlopen(f"http://127.0.0.1:{free}/config", timeout=30) as answer:
                config = json.load(answer)
            assert config["run_history"] is False
            assert config["mcp_server"] is True
            assert status(f"http://127.0.0.1:{free}/monitoring") in (403, 404)
            assert status(upload(f"http://127.0.0.1:{free}/gradio_api/upload", 20_000)) == 413
            app.send_signal(signal.SIGINT)
            out, err = app.communicate(timeout=60)
        finally:
            app.kill()
    assert (app.returncode, out, err) == (0, "", "")
    assert not (tmp_path / "strangers").exists(), (tmp_path / "strangers").read_text()


@pytest.mark.parametrize(
    ("target", "does"), [("play", "-m space serve"), ("test", '-m pytest -n 2 -m "not slow and not gpu"')]
)
def test_make_knows_what_to_do(target: str, does: str) -> None:
    # The tests may have been started by make, which tells its children so.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-n", "--no-print-directory", target]
    done = subprocess.run(command, cwd=ROOT, env=outside, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(does)
