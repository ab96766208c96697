"""The house keeps its rules: who may import whom, how long a file is, where secrets never go.

The rules are those of the design ("The house"). They are read from the syntax trees of the real
files, so that an import inside a function counts like any other.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.cli.main import COMMANDS
from host_tools.cli.parser import CommandParser

ROOT = Path(__file__).parent.parent
FIRMWARE = ROOT / "firmware"
HOST_TOOLS = ROOT / "host_tools"
SHIMS = HOST_TOOLS / "sim/shims"

SIDE_BY_SIDE = ("platform", "sim", "flash", "rig")
"""The parts of the host tools that do not know each other."""
ON_TOP = ("cli", "bench")
"""What may import every part, and is imported by none."""
LONGEST_FILE_LINES = 400
HARDWARE = ("machine", "network")
SECRET = re.compile(r"pass(word|phrase|wd)?$|token|secret|credential|(^|-|_)key$", re.IGNORECASE)


def python_files(folder: Path) -> list[Path]:
    """Return the Python files of a folder; the folder has to have some."""
    files = sorted(file for file in folder.rglob("*.py") if "__pycache__" not in file.parts)
    assert files, f"no Python files in {folder}"
    return files


def imports(file: Path, root: Path) -> set[str]:
    """Return the full names of all that a file imports, wherever in the file it does so.

    Args:
        file: A Python file.
        root: The folder in which top-level packages lie, for imports with leading dots.
    """
    package = file.relative_to(root).parent.parts
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def part_of(name: str) -> str:
    """Return the part of the host tools that a name such as ``host_tools.sim.pins`` is in."""
    words = name.split(".")
    return words[1] if words[0] == "host_tools" and len(words) > 1 else ""


def imported_parts() -> dict[str, set[str]]:
    """Return for each part of the host tools which other parts its files import."""
    parts: dict[str, set[str]] = {}
    for file in python_files(HOST_TOOLS):
        if file.is_relative_to(SHIMS):
            continue  # these run in place of a board's modules, see below
        inside = file.relative_to(HOST_TOOLS)
        own = inside.parts[0].removesuffix(".py")
        others = {part_of(name) for name in imports(file, ROOT)} - {"", own}
        parts.setdefault(own, set()).update(others)
    return parts


def test_imports_are_found_wherever_and_however_they_are_written(tmp_path):
    file = tmp_path / "house/room/door.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import a.b as c\nfrom d import e\nfrom . import f\nfrom ..g import h\n"
        "def later():\n    if True:\n        import machine\n"
    )
    expected = {"a.b", "d.e", "house.room.f", "house.g.h", "machine"}
    assert imports(file, tmp_path) == expected


def test_the_firmware_and_the_shims_import_nothing_of_the_host_tools():
    for folder in (FIRMWARE, SHIMS):
        for file in python_files(folder):
            names = [name for name in imports(file, folder) if name.startswith("host_tools")]
            assert not names, f"{file.relative_to(ROOT)} imports {names}"


def test_the_host_tools_do_not_import_the_firmware():
    for file in python_files(HOST_TOOLS):
        if not file.is_relative_to(SHIMS):
            names = [name for name in imports(file, ROOT) if name.split(".")[0] == "wakecall"]
            assert not names, f"{file.relative_to(ROOT)} imports {names}"


@pytest.mark.parametrize("part", SIDE_BY_SIDE)
def test_the_parts_do_not_import_each_other_sideways(part):
    wrong = imported_parts().get(part, set()) & {*SIDE_BY_SIDE, *ON_TOP}
    assert not wrong, f"host_tools/{part} imports {sorted(wrong)}"


def test_what_the_parts_share_lies_below_them():
    for part, others in imported_parts().items():
        if part not in (*SIDE_BY_SIDE, *ON_TOP):
            wrong = others & {*SIDE_BY_SIDE, *ON_TOP}
            assert not wrong, f"host_tools/{part} imports {sorted(wrong)}"


def test_no_part_imports_itself_in_a_circle():
    parts = imported_parts()
    done: set[str] = set()

    def follow(part: str, way: tuple[str, ...]) -> None:
        assert part not in way, f"a circle of imports: {' -> '.join([*way, part])}"
        if part not in done:
            for other in sorted(parts.get(part, ())):
                follow(other, (*way, part))
            done.add(part)

    for part in parts:
        follow(part, ())


def test_the_agent_reaches_hardware_only_through_its_port():
    for file in python_files(FIRMWARE / "wakecall"):
        if not file.name.startswith("port"):
            roots = {name.split(".")[0] for name in imports(file, FIRMWARE)}
            wrong = roots & {name for module in HARDWARE for name in (module, f"u{module}")}
            assert not wrong, f"{file.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("folder", [HOST_TOOLS, FIRMWARE], ids=["host_tools", "firmware"])
def test_no_file_is_longer_than_a_reader_can_hold(folder):
    long = {
        str(file.relative_to(ROOT)): lines
        for file in python_files(folder)
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE_LINES
    }
    assert not long


def arguments_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Give the names of all options and positional words of a parser and of those below it."""
    for action in parser._actions:
        yield from action.option_strings or [action.dest]
        if isinstance(action, argparse._SubParsersAction):
            for below in set(action.choices.values()):
                yield from arguments_of(below)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_takes_a_secret_as_an_argument(command):
    """Every user of a machine sees the arguments of every process."""
    parser = CommandParser()
    importlib.import_module(f"host_tools.cli.{command}").add_arguments(parser)
    secrets = [name for name in arguments_of(parser) if SECRET.search(name)]
    assert not secrets, f"wakecall {command} takes {secrets}"


@pytest.mark.parametrize("name", ["--password", "--token", "--wifi-key", "--api-key", "secret"])
def test_an_argument_that_would_be_a_secret_is_known_by_its_name(name):
    assert SECRET.search(name)


@pytest.mark.parametrize("name", ["--keys", "key=value", "--keyboard", "--passive", "--name"])
def test_other_arguments_are_not_taken_for_secrets(name):
    assert not SECRET.search(name)
