"""The pinned libraries for boards, from a package index on loopback that tests can spoil."""

from __future__ import annotations

import ast
import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import pytest

from host_tools import device_libraries
from host_tools.device_libraries import SourceArchive
from host_tools.errors import ExitCode, WakecallError
from tests.scripted_server import Reply, ScriptedServer

PROJECT = "GET /simple/micropython-umqtt-simple/"
FILE = "GET /files/micropython-umqtt.simple-1.3.4.tar.gz"
SIMPLE = b"class MQTTClient: pass\n"


def archive(**members: bytes) -> bytes:
    """Pack members, whose slashes are written as two underscores."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        for name, content in members.items():
            member = tarfile.TarInfo("micropython-umqtt.simple-1.3.4/" + name.replace("__", "/"))
            member.size = len(content)
            files.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A package index with an archive of our own under the pinned name, and an empty prefix."""
    server = ScriptedServer()
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    pin(monkeypatch, archive(**{"umqtt__simple.py": SIMPLE, "..__..__evil": b"x"}), server)
    yield server
    server.close()


def offer(server: ScriptedServer, content: bytes) -> None:
    """Let the index have these bytes under the pinned archive's name."""
    name = FILE.rpartition("/")[2]
    page = f'<html><body><a href="{server.url}/files/{name}">{name}</a></body></html>'
    server.reply(PROJECT, Reply(200, page.encode(), {"Content-Type": "text/html"}))
    server.reply(FILE, Reply(200, content))


def pin(monkeypatch: pytest.MonkeyPatch, content: bytes, server: ScriptedServer) -> None:
    """Pin these bytes and let the index have them."""
    pinned = SourceArchive(
        project="micropython-umqtt.simple",
        version="1.3.4",
        sha256=hashlib.sha256(content).hexdigest(),
        member="umqtt/simple.py",
    )
    monkeypatch.setattr(device_libraries, "UMQTT_SIMPLE", pinned)
    offer(server, content)


def failure() -> WakecallError:
    with pytest.raises(WakecallError) as caught:
        device_libraries.folder()
    assert caught.value.code == ExitCode.MISSING
    return caught.value


def litter(prefix: Path) -> list[Path]:
    return [path for path in prefix.rglob("*") if path.is_file()]


def test_the_genuine_libraries_are_there_for_boards():
    libraries = device_libraries.folder()
    simple = ast.parse((libraries / "umqtt/simple.py").read_text())
    assert "MQTTClient" in [node.name for node in simple.body if isinstance(node, ast.ClassDef)]
    assert (libraries / "microdot/microdot.py").is_file()
    assert (libraries / "microdot/__init__.py").is_file()
    assert {path.suffix for path in libraries.rglob("*") if path.is_file()} == {".py"}


def test_the_folder_is_made_once_and_then_found_without_the_network(index, tmp_path):
    libraries = device_libraries.folder()
    assert libraries.is_relative_to(tmp_path / "share/wakecall/device-libraries")
    assert (libraries / "umqtt/simple.py").read_bytes() == SIMPLE
    asked = len(index.requests)
    assert device_libraries.folder() == libraries
    assert len(index.requests) == asked
    assert "evil" not in [path.name for path in tmp_path.parent.rglob("*")]


def test_other_bytes_than_the_pinned_ones_are_not_unpacked(index, tmp_path):
    offer(index, archive(**{"umqtt__simple.py": b"import os  # changed on the way\n"}))
    assert "another SHA-256" in failure().message
    assert litter(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [b"no archive", archive(**{"other.py": b""}), archive(**{"umqtt__simple.py__x": b""})],
)
def test_a_wrong_pin_is_told(index, monkeypatch, tmp_path, content):
    pin(monkeypatch, content, index)
    assert "holds no file umqtt/simple.py" in failure().message
    assert litter(tmp_path) == []


@pytest.mark.parametrize(
    ("request_line", "reply"),
    [
        (PROJECT, Reply(404)),
        (PROJECT, Reply(500)),
        (PROJECT, Reply(200, b"hello", {"Content-Type": "application/pdf"})),
        (FILE, Reply(404)),
    ],
)
def test_an_index_that_fails_is_told_with_what_to_do(index, tmp_path, request_line, reply):
    index.reply(request_line, reply)
    error = failure()
    assert "cannot fetch micropython-umqtt.simple-1.3.4.tar.gz" in error.message
    assert "PIP_INDEX_URL" in error.hint
    assert litter(tmp_path) == []


def test_an_index_without_the_pinned_version_is_told(index):
    page = b'<html><a href="x-1.0.tar.gz">micropython-umqtt.simple-1.3.tar.gz</a></html>'
    index.reply(PROJECT, Reply(200, page, {"Content-Type": "text/html"}))
    assert "has no micropython-umqtt.simple-1.3.4.tar.gz" in failure().message


def test_no_network_is_told_without_the_password_of_a_private_index(index, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:1/simple")
    error = failure()
    assert "cannot fetch" in error.message
    assert "secret" not in error.message + error.hint


def test_a_certificate_file_that_is_missing_is_told(index, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_CERT", "/nowhere/ca.pem")
    assert "PIP_CERT" in failure().hint


def test_another_microdot_than_the_pinned_one_is_told(index, monkeypatch):
    monkeypatch.setattr(device_libraries, "MICRODOT_VERSION", "9.9.9")
    assert f"microdot {metadata.version('microdot')} is installed" in failure().message


def test_two_at_the_same_time_both_get_the_whole_folder(index, monkeypatch):
    both_asked = threading.Barrier(2, timeout=20)
    content = archive(**{"umqtt__simple.py": SIMPLE})
    pin(monkeypatch, content, index)

    def when_both_asked() -> Iterator[bytes]:
        both_asked.wait()
        yield content

    index.reply(FILE, Reply(200, chunks=when_both_asked))
    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(device_libraries.folder) for _ in range(2)]
        first, second = [future.result(timeout=60) for future in found]
    assert first == second
    assert (first / "umqtt/simple.py").read_bytes() == SIMPLE
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_a_file_where_the_folder_should_be_is_told(index, tmp_path):
    (tmp_path / "share").write_text("")
    assert "cannot write the device libraries" in failure().message


def test_as_a_program_it_tells_where_they_are():
    done = subprocess.run(
        [sys.executable, "-m", "host_tools.device_libraries"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert str(device_libraries.folder()) in done.stdout


def test_as_a_program_it_ends_with_the_exit_code_and_no_traceback(index, monkeypatch, capsys):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1")
    assert device_libraries.main() == ExitCode.MISSING
    assert capsys.readouterr().err.startswith("wakecall: cannot fetch")
