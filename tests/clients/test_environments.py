"""The environments themselves: pinned, made once, honest about what is missing."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.clients import environments

WHEEL = "tiny-1.0-py3-none-any.whl"


@pytest.mark.parametrize("name", environments.NAMES)
def test_a_lock_pins_what_is_asked_for_and_names_no_server(name):
    lock = (environments.HERE / f"{name}.lock").read_text()
    for requirement in (environments.HERE / f"{name}.in").read_text().split():
        package, _, version = requirement.partition("==")
        assert f"{package}=={version}" in lock
    entries = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert entries
    assert all("==" in entry and entry.endswith("\\") for entry in entries), "hashes follow each"
    assert "://" not in lock


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of locks and of packages in place of the registry, with a package ``tiny``."""
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as wheel:
        wheel.writestr("tiny.py", "")
        info = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        wheel.writestr("tiny-1.0.dist-info/METADATA", info)
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr("tiny-1.0.dist-info/WHEEL", tags)
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setattr(environments, "HERE", tmp_path)
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def lock(store: Path, package: str, digest: str) -> None:
    (store / "client.lock").write_text(f"{package}==1.0 --hash=sha256:{digest}\n")


def digest_of(store: Path) -> str:
    return hashlib.sha256((store / WHEEL).read_bytes()).hexdigest()


def test_an_environment_is_made_once_with_the_locked_packages(store):
    lock(store, "tiny", digest_of(store))
    programs = environments.programs("client")
    subprocess.run([programs / "python", "-c", "import tiny"], check=True, timeout=20)
    mark = programs.parent / "ours"
    mark.touch()
    assert environments.programs("client") == programs
    assert mark.exists()


def test_an_environment_that_was_made_by_half_is_made_again(store):
    lock(store, "tiny", digest_of(store))
    programs = environments.programs("client")
    (programs.parent / "complete").unlink()
    (programs / "python").unlink()
    subprocess.run([environments.programs("client") / "python", "-c", ""], check=True, timeout=20)


def test_packages_that_are_not_to_be_had_skip_the_test(store):
    lock(store, "missing", "0" * 64)
    with pytest.raises(pytest.skip.Exception, match=r"client\.lock cannot be installed: .*missing"):
        environments.programs("client")


def test_packages_that_are_not_to_be_had_fail_the_test_in_ci(store, monkeypatch):
    lock(store, "missing", "0" * 64)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="missing in CI"):
        environments.programs("client")


def test_a_package_with_other_content_fails_the_test_everywhere(store):
    lock(store, "tiny", "0" * 64)
    with pytest.raises(pytest.fail.Exception, match="DO NOT MATCH"):
        environments.programs("client")
