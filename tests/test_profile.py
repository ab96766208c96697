"""The profile: what is kept, who may read it, and which source of a setting wins."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from host_tools import profile
from host_tools.errors import ExitCode, WakecallError
from host_tools.profile import Profile

BENCH = Profile("http://127.0.0.1:8080", "tenant@thingsboard.org", "secret", "mqtt://127.0.0.1:99")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for variable in profile.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


def write(content: object, name: str = "default") -> Path:
    file = profile.path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    file.chmod(0o600)
    return file


def failure(name: str = "default") -> WakecallError:
    with pytest.raises(WakecallError) as caught:
        profile.load(name)
    return caught.value


def test_what_was_saved_is_loaded():
    profile.save(BENCH)
    profile.save(Profile("https://example.org", "u", "p"), name="work")
    assert profile.load() == BENCH
    assert profile.load("work") == Profile(
        "https://example.org", "u", "p", "mqtts://example.org:8883"
    )


def test_only_the_owner_can_read_it_whatever_the_umask_and_the_older_folder():
    profile.path().parent.mkdir(parents=True, mode=0o755)
    before = os.umask(0)
    try:
        file = profile.save(BENCH)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in file.parent.iterdir()] == ["default.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused_with_the_command_to_type(mode):
    file = profile.save(BENCH)
    file.chmod(mode)
    error = failure()
    assert error.code == ExitCode.CREDENTIALS
    assert f"chmod 600 {file}" in error.hint
    file.chmod(0o600)
    assert profile.load() == BENCH


def test_a_reader_finds_a_whole_profile_while_another_process_writes():
    profile.save(BENCH)
    stop = threading.Event()

    def write_again() -> None:
        while not stop.is_set():
            profile.save(BENCH)

    writer = threading.Thread(target=write_again)
    writer.start()
    try:
        for _ in range(300):
            assert profile.load() == BENCH
    finally:
        stop.set()
        writer.join()


def test_a_failed_write_leaves_the_old_profile_and_no_litter(monkeypatch):
    file = profile.save(BENCH)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(WakecallError, match="No space left on device") as caught:
        profile.save(Profile("http://other", "u", "p"))
    assert caught.value.code == ExitCode.CONFIGURATION
    assert profile.load() == BENCH
    assert [entry.name for entry in file.parent.iterdir()] == ["default.json"]


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("WAKECALL_USER", "other@example.org", "user"),
        ("WAKECALL_PASSWORD", "else", "password"),
        ("WAKECALL_MQTT", "mqtt://10.0.0.1:1884", "mqtt"),
    ],
)
def test_each_variable_wins_over_the_file_and_leaves_the_rest(monkeypatch, variable, value, key):
    profile.save(BENCH)
    monkeypatch.setenv(variable, value)
    loaded = profile.load()
    assert getattr(loaded, key) == value
    others = [name for name in profile.VARIABLES if name != key]
    assert [getattr(loaded, name) for name in others] == [getattr(BENCH, name) for name in others]


def test_another_server_in_the_environment_does_not_get_the_mqtt_address_of_the_file(monkeypatch):
    profile.save(BENCH)
    monkeypatch.setenv("WAKECALL_URL", "http://10.0.0.1:8080/")
    assert profile.load().mqtt == "mqtt://10.0.0.1:1883"
    monkeypatch.setenv("WAKECALL_URL", BENCH.url + "/")
    assert profile.load().mqtt == BENCH.mqtt


def test_an_address_that_the_user_gives_wins_over_variable_and_file(monkeypatch):
    profile.save(BENCH)
    monkeypatch.setenv("WAKECALL_URL", "http://10.0.0.1:8080")
    loaded = profile.load(url="https://example.org")
    assert (loaded.url, loaded.mqtt) == ("https://example.org", "mqtts://example.org:8883")
    assert (loaded.user, loaded.password) == (BENCH.user, BENCH.password)


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    profile.save(BENCH)
    for variable in profile.VARIABLES.values():
        monkeypatch.setenv(variable, "")
    assert profile.load() == BENCH


def test_variables_alone_are_enough_and_then_a_broken_file_does_not_matter(monkeypatch):
    write("{broken")
    monkeypatch.setenv("WAKECALL_URL", "https://example.org:8443")
    monkeypatch.setenv("WAKECALL_USER", "u")
    monkeypatch.setenv("WAKECALL_PASSWORD", "p")
    expected = Profile("https://example.org:8443", "u", "p", "mqtts://example.org:8883")
    assert profile.load() == expected


def test_nothing_at_all_says_what_to_start():
    error = failure()
    assert error.code == ExitCode.CONFIGURATION
    assert "wakecall up" in error.hint
    assert "wakecall login URL" in error.hint


def test_a_variable_that_is_missing_beside_others_is_named(monkeypatch):
    monkeypatch.setenv("WAKECALL_URL", "http://127.0.0.1:8080")
    monkeypatch.setenv("WAKECALL_USER", "u")
    assert "WAKECALL_PASSWORD is not set" in failure().message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"password": "secret"', "not JSON"),
        ("\udcff".encode("utf-8", "surrogatepass").decode("latin-1") + "{", "not JSON"),
        ([1], "not a JSON object"),
        ({"url": "http://h", "user": "u"}, "the key 'password' is missing"),
        ({"url": 5, "user": "u", "password": "secret"}, "url must be text"),
        ({"url": "ftp://h", "user": "u", "password": "secret"}, "url: 'ftp://h'"),
        (
            {"url": "http://h", "user": "u", "password": "secret", "mqtt": "h:1"},
            "mqtt: 'h:1'",
        ),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong_and_without_the_secret(content, words):
    file = write(content)
    error = failure()
    assert error.code == ExitCode.CONFIGURATION
    assert str(file) in error.message
    assert words in error.message
    assert "secret" not in error.message + error.hint


def test_a_wrong_variable_is_named(monkeypatch):
    profile.save(BENCH)
    monkeypatch.setenv("WAKECALL_MQTT", "http://h")
    error = failure()
    assert error.code == ExitCode.CONFIGURATION
    assert error.message.startswith("WAKECALL_MQTT")


@pytest.mark.parametrize("name", ["../other", "", "a/b", ".hidden", "a b"])
def test_a_name_that_is_no_file_name_is_refused(name):
    assert failure(name).code == ExitCode.USAGE


def test_a_folder_in_place_of_the_file_is_told():
    profile.path().mkdir(parents=True)
    error = failure()
    assert error.code == ExitCode.CONFIGURATION
    assert str(profile.path()) in error.message


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "config").write_text("")
    with pytest.raises(WakecallError) as caught:
        profile.save(BENCH)
    assert caught.value.code == ExitCode.CONFIGURATION
    assert failure().code == ExitCode.CONFIGURATION


def test_the_password_does_not_show():
    assert "secret" not in repr(BENCH)
