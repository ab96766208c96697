"""Our own platform for the tests of a module or a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.target import Device, Target, own_platform


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """A fresh platform."""
    with own_platform(tmp_path / "data") as target:
        yield target


@pytest.fixture
def device(target: Target) -> Device:
    """A fresh device."""
    return target.new_device()
