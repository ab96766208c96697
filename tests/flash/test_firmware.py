"""The firmware lock, the cache and the download.

Check 8 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import firmware_lock, firmware_name, firmware_store
from host_tools.flash.firmware_lock import LockedFile
from host_tools.flash.firmware_name import FirmwareName
from tests.flash.conftest import Run
from tests.flash.images import RELEASE, esp_image, pico_image
from tests.scripted_server import Reply, ScriptedServer

NAME = f"ESP32_GENERIC-{RELEASE}.bin"
IMAGE = esp_image("esp32")
LOCKED = LockedFile(NAME, len(IMAGE), hashlib.sha256(IMAGE).hexdigest())


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        (NAME, FirmwareName("ESP32_GENERIC", "", "20250415", (1, 25, 0), None, "bin")),
        (
            "ESP32_GENERIC_S3-SPIRAM_OCT-20251209-v1.27.0.bin",
            FirmwareName("ESP32_GENERIC_S3", "SPIRAM_OCT", "20251209", (1, 27, 0), None, "bin"),
        ),
        (
            "RPI_PICO2_W-RISCV-20260101-v1.29.0-preview.123.gabcdef0123.uf2",
            FirmwareName("RPI_PICO2_W", "RISCV", "20260101", (1, 29, 0), 123, "uf2"),
        ),
        ("firmware.bin", None),
        ("ESP32_GENERIC-20250415-v1.25.0.elf", None),
        ("ESP32_GENERIC-2025-v1.25.0.bin", None),
        ("../ESP32_GENERIC-20250415-v1.25.0.bin", None),
    ],
)
def test_names_are_read_by_the_published_scheme(name: str, parsed: FirmwareName | None) -> None:
    assert firmware_name.parse(name) == parsed


def test_the_newest_of_a_build_is_taken() -> None:
    names = [
        "ESP32_GENERIC-20240101-v1.9.0.bin",
        "ESP32_GENERIC-20260101-v1.29.0-preview.9.gabcdef0123.bin",
        "ESP32_GENERIC-20260201-v1.29.0-preview.10.gabcdef0123.bin",
        "ESP32_GENERIC-SPIRAM-20270101-v1.30.0.bin",
        "ESP32_GENERIC_S3-20270101-v1.30.0.bin",
    ]
    files = {name: LockedFile(name, 1, "0" * 64) for name in names}
    assert firmware_lock.newest(files, "ESP32_GENERIC", "", "bin").name == names[2]
    released = "ESP32_GENERIC-20260301-v1.29.0.bin"
    files[released] = LockedFile(released, 1, "0" * 64)
    assert firmware_lock.newest(files, "ESP32_GENERIC", "", "bin").name == released
    assert firmware_lock.newest(files, "ESP32_GENERIC", "SPIRAM", "bin").name == names[3]
    with pytest.raises(WakecallError) as caught:
        firmware_lock.newest(files, "RPI_PICO", "", "uf2")
    assert caught.value.code is ExitCode.NOT_FOUND
    assert "wakecall firmware lock FILE" in caught.value.hint


def test_the_lock_that_ships_is_empty_and_reads() -> None:
    assert firmware_lock.load(firmware_lock.DEFAULT_PATH) == {}


def test_locking_a_file_twice_leaves_one_line_and_the_comments(tmp_path: Path) -> None:
    lock = tmp_path / "firmware.lock"
    lock.write_text("# mine\n\n")
    firmware_lock.add(lock, NAME, b"older")
    assert firmware_lock.add(lock, NAME, IMAGE) == LOCKED
    assert lock.read_text() == f"# mine\n\n{LOCKED.sha256} {len(IMAGE)} {NAME}\n"
    assert firmware_lock.load(lock) == {NAME: LOCKED}


@pytest.mark.parametrize("line", ["abc 1 x.bin", f"{'0' * 64} 0 x.bin", f"{'0' * 64} 1 ../x"])
def test_a_wrong_line_of_the_lock_is_told(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "firmware.lock"
    lock.write_text(f"{line}\n")
    with pytest.raises(WakecallError) as caught:
        firmware_lock.load(lock)
    assert caught.value.code is ExitCode.CONFIGURATION
    assert repr(line) in caught.value.message


@pytest.fixture
def server(
    own_folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    monkeypatch.setenv(firmware_store.ADDRESS_VARIABLE, f"{server.url}/firmware")
    yield server
    server.close()


def cached() -> list[str]:
    folder = firmware_store.cache_folder()
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_check_8_a_download_is_checked_and_kept(server: ScriptedServer) -> None:
    server.reply(f"GET /firmware/{NAME}", Reply(200, IMAGE))
    for _ in range(2):
        path, content = firmware_store.get(LOCKED)
        assert (content, path.read_bytes(), path.name) == (IMAGE, IMAGE, NAME)
    assert len(server.requests) == 1
    assert cached() == [NAME]


WRONG = {
    "a page that says there is no such file": (Reply(404, b"<html>"), ExitCode.NOT_FOUND),
    "a page in place of the file": (Reply(200, b"<html>hello</html>"), ExitCode.WRONG_FIRMWARE),
    "an error of the server": (Reply(503, IMAGE), ExitCode.NOT_FOUND),
    "half of the file": (Reply(200, IMAGE[:20_000]), ExitCode.WRONG_FIRMWARE),
    "another byte": (Reply(200, IMAGE[:-1] + b"?"), ExitCode.WRONG_FIRMWARE),
    "more than the file": (Reply(200, IMAGE + bytes(10_000_000)), ExitCode.WRONG_FIRMWARE),
    "a connection that breaks": (
        Reply(200, IMAGE[:1000], {"Content-Length": str(len(IMAGE))}),
        ExitCode.UNREACHABLE,
    ),
}


@pytest.mark.parametrize(("reply", "code"), WRONG.values(), ids=WRONG)
def test_check_8_what_is_not_the_file_never_lands(
    server: ScriptedServer, reply: Reply, code: ExitCode
) -> None:
    if "Content-Length" in reply.headers:
        content = reply.body()
        reply = Reply(200, headers=reply.headers, chunks=lambda: iter([content]))
    server.reply(f"GET /firmware/{NAME}", reply)
    with pytest.raises(WakecallError) as caught:
        firmware_store.get(LOCKED)
    assert caught.value.code is code
    assert NAME in caught.value.message
    assert cached() == []


def test_check_8_a_damaged_file_in_the_cache_is_fetched_again(server: ScriptedServer) -> None:
    server.reply(f"GET /firmware/{NAME}", Reply(200, IMAGE))
    path, _ = firmware_store.get(LOCKED)
    path.write_bytes(IMAGE[:-1] + b"?")
    assert firmware_store.get(LOCKED) == (path, IMAGE)
    assert path.read_bytes() == IMAGE
    assert len(server.requests) == 2


def test_check_8_offline_works_from_the_cache_and_only_from_it(server: ScriptedServer) -> None:
    with pytest.raises(WakecallError, match="is not in the cache, and --offline") as caught:
        firmware_store.get(LOCKED, offline=True)
    assert caught.value.code is ExitCode.NOT_FOUND
    path = firmware_store.put(LOCKED, IMAGE)
    assert firmware_store.get(LOCKED, offline=True) == (path, IMAGE)
    path.write_bytes(b"damaged")
    with pytest.raises(WakecallError, match="in the cache is damaged, and --offline"):
        firmware_store.get(LOCKED, offline=True)
    assert server.requests == []


def test_the_cache_takes_nothing_but_the_locked_file(own_folders: dict[str, str]) -> None:
    with pytest.raises(WakecallError) as caught:
        firmware_store.put(LOCKED, IMAGE[:-1] + b"?")
    assert caught.value.code is ExitCode.WRONG_FIRMWARE
    assert cached() == []


def test_a_server_that_is_not_there_is_told(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    monkeypatch.setenv(firmware_store.ADDRESS_VARIABLE, f"http://127.0.0.1:{closed}/")
    with pytest.raises(WakecallError) as caught:
        firmware_store.get(LOCKED)
    assert caught.value.code is ExitCode.UNREACHABLE


def test_files_are_locked_listed_and_fetched_by_commands(
    wakecall: Run, server: ScriptedServer, tmp_path: Path
) -> None:
    server.reply(f"GET /firmware/{NAME}", Reply(200, IMAGE))
    environment = {firmware_store.ADDRESS_VARIABLE: f"{server.url}/firmware"}
    file, lock = tmp_path / NAME, tmp_path / "firmware.lock"
    file.write_bytes(IMAGE)
    words = ["--lock", str(lock), "--json"]
    told = {"name": NAME, "size": len(IMAGE), "sha256": LOCKED.sha256}

    assert json.loads(wakecall("firmware", "lock", str(file), *words).stdout) == told
    assert cached() == [NAME]
    assert json.loads(wakecall("firmware", "list", *words).stdout) == told
    (firmware_store.cache_folder() / NAME).unlink()
    done = wakecall("firmware", "fetch", NAME, *words, **environment)
    assert json.loads(done.stdout) == told
    assert cached() == [NAME]

    done = wakecall("firmware", "fetch", f"RPI_PICO-{RELEASE}.uf2", *words)
    assert done.returncode == ExitCode.NOT_FOUND
    assert wakecall("firmware", "lock", *words).returncode == ExitCode.USAGE


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("firmware.bin", IMAGE, ExitCode.USAGE),
        (NAME, b"<html></html>", ExitCode.WRONG_FIRMWARE),
        (NAME, pico_image(), ExitCode.WRONG_FIRMWARE),
        (f"RPI_PICO-{RELEASE}.uf2", pico_image()[:-512], ExitCode.WRONG_FIRMWARE),
    ],
)
def test_what_is_no_published_firmware_is_not_locked(
    wakecall: Run, tmp_path: Path, name: str, content: bytes, code: ExitCode
) -> None:
    file, lock = tmp_path / name, tmp_path / "firmware.lock"
    file.write_bytes(content)
    done = wakecall("firmware", "lock", str(file), "--lock", str(lock))
    assert done.returncode == code
    assert not lock.exists()
    assert not (tmp_path / "cache").exists()


def test_flash_takes_the_locked_firmware_and_holds_a_given_file_to_the_lock(
    wakecall: Run, server: ScriptedServer, tmp_path: Path
) -> None:
    server.reply(f"GET /firmware/{NAME}", Reply(200, IMAGE))
    environment = {firmware_store.ADDRESS_VARIABLE: f"{server.url}/firmware"}
    lock = tmp_path / "firmware.lock"
    words = ["flash", "esp32", "--port", "socket://127.0.0.1:9", "--lock", str(lock), "--dry-run"]
    done = wakecall(*words)
    assert done.returncode == ExitCode.NOT_FOUND  # nothing is locked
    firmware_lock.add(lock, NAME, IMAGE)
    assert wakecall(*words, "--offline").returncode == ExitCode.NOT_FOUND
    done = wakecall(*words, **environment)
    assert done.returncode == 0, done.stderr
    assert str(firmware_store.cache_folder() / NAME) in done.stdout

    other = tmp_path / NAME
    other.write_bytes(esp_image("esp32", seed=2))
    done = wakecall(*words, "--firmware", str(other))
    assert done.returncode == ExitCode.WRONG_FIRMWARE
    assert "is not the file that the lock names" in done.stderr
