"""Addresses that visitors name: which may be asked, and how the client asks them."""

import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from space.handlers.outbound import base_url, check_public, is_public, is_public_address, resolved

httpx2 = pytest.importorskip("httpx2", reason="needs openai: pip install 'dsl-debug[eval]'")

from space.handlers import outbound, outbound_client  # noqa: E402
from space.handlers.outbound_client import Outbound, Refused, client  # noqa: E402

PUBLIC, OTHER = "93.184.216.34", "151.101.1.69"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1"),
        *("169.254.169.254", "168.63.129.16", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::7f00:1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::"),
    ],
)
def test_a_machine_that_is_not_everybodys_is_none_to_talk_to(address: str) -> None:
    assert not is_public_address(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_machine_may_be_asked(address: str) -> None:
    assert is_public_address(address)


@pytest.mark.parametrize(
    ("address", "public", "problem"),
    [
        ("http://api.example.com/v1", True, "only https"),
        ("https://127.0.0.1/v1", True, "not public"),
        ("https://[::1]/v1", True, "not public"),
        ("https://[::ffff:10.0.0.1]/v1", True, "not public"),
        ("https://api.example.com:22/v1", True, "only the ports 443 and 8443"),
        ("https://me:sk-secret@api.example.com/v1", False, "a field for the key"),
        ("https://api.example.com/v1?key=sk-secret", False, "leave out what follows"),
        ("file:///etc/passwd", False, "begins with https://"),
        ("https:///v1", False, "begins with https://"),
        ("https://a.example:port/v1", False, "cannot be read"),
        ("https://a.example/" + "v" * 300, False, "no address"),
        ("https://a.example/v1\nHost: b", False, "no address"),
        ("", False, "begins with https://"),
    ],
)
def test_an_address_that_cannot_be_asked_is_told_in_one_line(
    address: str, public: bool, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        base_url(address, public)
    assert "\n" not in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_addresses_are_taken_as_people_paste_them() -> None:
    assert base_url(" https://a.example:8443/v1/ ", True) == "https://a.example:8443/v1"
    assert base_url("https://a.example/v1/chat/completions", True) == "https://a.example/v1"
    assert base_url("http://127.0.0.1:8000/v1", False) == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("variable", "value", "public"),
    [("SPACE_ID", "me/dsl-debug", True), ("DSL_DEBUG_PUBLIC", "1", True), ("DSL_DEBUG_PUBLIC", "0", False)],
)
def test_a_hosted_app_is_public(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, public: bool
) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("DSL_DEBUG_PUBLIC", raising=False)
    assert not is_public()
    monkeypatch.setenv(variable, value)
    assert is_public() is public


def test_numbers_in_other_clothes_are_the_loopback_when_they_are_resolved() -> None:
    check_public("https", "localhost", None)  # a name: the transport looks where it leads
    for name in ("localhost", "0x7f.1", "2130706433", "127.1"):
        assert not any(map(is_public_address, resolved(name, 443)))


# ---- the client, over a transport that notes what it is asked


class Noted(httpx2.BaseTransport):
    """A transport that answers "yes", or fails to connect to some hosts."""

    def __init__(self, away: tuple[str, ...] = ()) -> None:
        self.asked: list[Any] = []
        self._away = away

    def handle_request(self, request: Any) -> Any:
        self.asked.append(request)
        if request.url.host in self._away:
            raise httpx2.ConnectError("away")
        return httpx2.Response(200, text="yes")


def ask(way: Outbound, url: str = "https://api.example.com/v1") -> Any:
    with client(way, 5.0) as asking:
        return asking.post(url, json={}, headers={"authorization": "Bearer k", "x-owner": "me"})


def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])  # a name that leads elsewhere when it is looked up again
    inner = Noted()
    assert ask(Outbound(True, lambda host, port: next(answers), inner)).text == "yes"
    (request,) = inner.asked
    assert str(request.url) == f"https://{PUBLIC}/v1"
    assert request.headers["host"] == "api.example.com"
    assert request.extensions["sni_hostname"] == "api.example.com"  # whose certificate it has to be
    assert next(answers) == ["127.0.0.1"]


@pytest.mark.parametrize("found", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"], ["169.254.169.254"]])
def test_a_name_that_leads_to_a_private_machine_is_refused(found: list[str]) -> None:
    inner = Noted()
    way = Outbound(True, lambda host, port: found, inner)
    with pytest.raises(Refused, match="not public"):
        ask(way)
    assert "not public" in way.reason
    assert not inner.asked


@pytest.mark.parametrize(
    "url", ["http://api.example.com/v1", "https://api.example.com:22/", "https://[::1]/"]
)
def test_the_rules_hold_for_every_request(url: str) -> None:
    inner = Noted()
    with pytest.raises(Refused):
        ask(Outbound(True, lambda host, port: [PUBLIC], inner), url)
    assert not inner.asked


def test_another_address_of_the_host_is_tried_where_one_is_away() -> None:
    inner = Noted(away=(PUBLIC,))
    assert ask(Outbound(True, lambda host, port: [PUBLIC, OTHER], inner)).text == "yes"
    assert [request.url.host for request in inner.asked] == [PUBLIC, OTHER]


@pytest.mark.parametrize("error", [OSError("no such host"), UnicodeError("label too long")])
def test_a_host_that_there_is_not_is_told(error: Exception) -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise error

    way = Outbound(True, nowhere, Noted())
    with pytest.raises(Refused, match="there is no host"):
        ask(way)


def test_only_what_a_request_needs_is_sent() -> None:
    inner = Noted()
    ask(Outbound(False, inner=inner))
    sent = inner.asked[0].headers
    assert sent["authorization"] == "Bearer k"
    assert sent["accept-encoding"] == "identity"
    assert "x-owner" not in sent


# ---- and over the loopback


@contextmanager
def server(answer: Any, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that lets `answer(handler)` answer; with a certificate, if it gets one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads, made.block_on_close = True, False
    if context:
        made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}/v1"
    finally:
        made.shutdown()
        made.server_close()


def say(handler: Any, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    with suppress(OSError):  # the client has gone
        handler.wfile.write(body)


def test_a_server_of_ones_own_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with server(lambda handler: say(handler, 200, b"yes")) as url:
        assert ask(Outbound(False), url).text == "yes"


def test_a_redirect_is_not_followed() -> None:
    with server(lambda handler: say(handler, 302, location="http://127.0.0.1:1/")) as url:
        assert ask(Outbound(False), url).status_code == 302


def test_an_answer_without_end_is_cut_off() -> None:
    with (
        server(lambda handler: say(handler, 200, b"x" * 3_000_000)) as url,
        pytest.raises(Refused, match="longer than 2,000,000 bytes"),
    ):
        ask(Outbound(False), url)


def test_a_packed_answer_is_not_read() -> None:
    with (
        server(lambda handler: say(handler, 200, b"x", content_encoding="gzip")) as url,
        pytest.raises(Refused, match="packed"),
    ):
        ask(Outbound(False), url)


def test_an_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound_client, "MAX_SECONDS", 0.3)

    def trickle(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):  # the client has gone
            for _ in range(40):
                handler.wfile.write(b"x")
                time.sleep(0.05)

    with server(trickle) as url, pytest.raises(Refused, match="takes longer than"):
        ask(Outbound(False), url)


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a server that has a certificate for api.example.com, and the file of that."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate: apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    name = ("-subj", "/CN=api.example.com", "-addext", "subjectAltName=DNS:api.example.com")
    made = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *name]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with server(lambda handler: say(handler, 200, b"yes"), context) as url:
        yield int(url.split(":")[2].split("/")[0]), certificate


@pytest.mark.parametrize(("host", "right"), [("api.example.com", True), ("other.example.com", False)])
def test_the_certificate_is_that_of_the_name(
    monkeypatch: pytest.MonkeyPatch, certified: tuple[int, Path], host: str, right: bool
) -> None:
    port, certificate = certified
    monkeypatch.setattr(outbound, "PORTS", (port,))
    monkeypatch.setattr(outbound_client, "is_public_address", lambda address: True)
    trusting = httpx2.HTTPTransport(verify=ssl.create_default_context(cafile=str(certificate)))
    with closing(Outbound(True, lambda host, port: ["127.0.0.1"], trusting)) as way:
        if right:
            assert ask(way, f"https://{host}:{port}/v1").text == "yes"
        else:
            with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                ask(way, f"https://{host}:{port}/v1")
