"""What a sync does, decided without a board; and what a cut leaves, at every step of the writing.

Checks 10 and 11 of reference/host-tools.md, section 6.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import sync_plan, syncing
from host_tools.flash.repl import Session
from host_tools.flash.sync_device import MANIFEST, TEMPORARY, BoardFiles
from host_tools.flash.sync_plan import make

PATHS = ("boot.py", "main.py", "a.mpy", "lib/b.mpy", "app/c.mpy")
hashes = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["1", "2"]))


def test_check_10_only_what_differs_is_written_and_the_start_files_last() -> None:
    wanted = {"boot.py": "1", "lib/b.mpy": "1", "main.py": "1", "a.mpy": "1"}
    plan = make(wanted, {}, {"lib/b.mpy": "1", "a.mpy": "2"})
    assert plan.writes == ("a.mpy", "boot.py", "main.py")
    assert (plan.first_manifest, plan.last_manifest) == (wanted, None)


def test_check_10_only_our_own_files_are_deleted() -> None:
    manifest = {"a.mpy": "1", "lib/b.mpy": "1", "app/c.mpy": "1"}
    there = {"a.mpy": "1", "lib/b.mpy": "changed", "users.py": "1"}
    plan = make({"a.mpy": "1"}, manifest, there)
    assert (plan.writes, plan.deletes, plan.kept) == ((), (), ("lib/b.mpy",))
    plan = make({}, manifest, {"a.mpy": "1"})
    assert plan.deletes == ("a.mpy",)
    assert plan.last_manifest == {}


@given(wanted=hashes, manifest=hashes, there=hashes)
def test_check_10_a_second_sync_does_nothing(
    wanted: dict[str, str], manifest: dict[str, str], there: dict[str, str]
) -> None:
    plan = make(wanted, manifest, there)
    after = {path: digest for path, digest in there.items() if path not in plan.deletes} | wanted
    assert make(wanted, wanted, after).is_empty
    assert set(plan.deletes) <= set(manifest) - set(wanted)


def test_a_source_file_that_would_hide_a_compiled_one_is_refused_unless_it_is_ours() -> None:
    wanted = {"wakecall/agent.mpy": "1"}
    source = {"wakecall/agent.py": "old"}
    assert sync_plan.paths_to_ask(wanted, {}) == ["wakecall/agent.mpy", "wakecall/agent.py"]
    assert make(wanted, source, source).deletes == ("wakecall/agent.py",)
    for manifest in ({}, {"wakecall/agent.py": "what we wrote"}):
        with pytest.raises(WakecallError, match=r"hides wakecall/agent\.mpy") as caught:
            make(wanted, manifest, source)
        assert caught.value.code is ExitCode.CONFIGURATION


class PowerCutError(BaseException):
    """The board has no power any more."""


class FolderBoard(Session):
    """A folder as a board: the code for the board runs on CPython, in steps that can be the last.

    Each chunk that is written and each rename, removal and folder is a step.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self._folder = folder
        self.steps_left = steps
        self._names: dict[str, object] = {}

    def run(self, code: str) -> str:
        import contextlib
        import io

        output = io.StringIO()
        with contextlib.chdir(self._folder), contextlib.redirect_stdout(output):
            exec(compile(code, "board", "exec"), self._names)
            if "os" in self._names and not isinstance(self._names["os"], Steps):
                self._names["os"] = Steps(self)
        return output.getvalue()

    def read_file(self, path: str) -> bytes:
        return (self._folder / path).read_bytes()

    def write_file(self, path: str, content: bytes, chunk_bytes: int) -> None:
        self.step()
        with (self._folder / path).open("wb") as file:
            for at in range(0, len(content), chunk_bytes):
                self.step()
                file.write(content[at : at + chunk_bytes])

    def step(self) -> None:
        if self.steps_left == 0:
            raise PowerCutError
        self.steps_left -= 1


class Steps:
    """The module `os` of such a board."""

    def __init__(self, board: FolderBoard) -> None:
        self._board = board

    def __getattr__(self, name: str) -> object:
        import os

        self._board.step()
        return getattr(os, name)


OLD = {"main.py": b"old main" * 300, "a.py": b"an old module", "lib/b.mpy": b"same" * 200}
NEW = {"main.py": b"new main" * 300, "a.mpy": b"a new module", "lib/b.mpy": b"same" * 200}
UNLIMITED = 10_000


def sync(folder: Path, wanted: dict[str, bytes], steps: int) -> int:
    """Sync a folder, cut after some steps; return how many steps were left."""
    board = FolderBoard(folder, steps)
    files = BoardFiles(board)
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in wanted.items()}
    manifest = files.read_manifest()
    plan = make(digests, manifest, files.hashes(sync_plan.paths_to_ask(digests, manifest)))
    syncing._carry_out(plan, files, wanted, lambda _: None)
    return board.steps_left


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {name: data for name, data in named.items() if name not in (MANIFEST, TEMPORARY)}


def test_check_11_a_cut_at_any_step_leaves_old_or_new_files_and_the_next_sync_completes(
    tmp_path: Path,
) -> None:
    number = 0
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "users.txt").write_bytes(b"mine")
        sync(folder, OLD, UNLIMITED)
        try:
            sync(folder, NEW, number)
        except PowerCutError:
            for path, data in content(folder).items():
                assert data in (OLD.get(path), NEW.get(path), b"mine"), (number, path)
            assert content(folder)["main.py"] in (OLD["main.py"], NEW["main.py"])
            assert {"a.py", "a.mpy"} & set(content(folder))
            sync(folder, NEW, UNLIMITED)
        else:
            break
        finally:
            # Also after the cut, nothing of ours is left over and nothing of the user's is gone.
            assert content(folder) == NEW | {"users.txt": b"mine"}
        number += 1
    assert number > 15
    assert sync(folder, NEW, UNLIMITED) == UNLIMITED  # not one step


def test_a_file_that_did_not_arrive_as_it_was_sent_never_takes_its_place(tmp_path: Path) -> None:
    class Noisy(FolderBoard):
        def write_file(self, path: str, content: bytes, chunk_bytes: int) -> None:
            super().write_file(path, content[:-1] + b"?", chunk_bytes)

    (tmp_path / "main.py").write_bytes(b"old")
    files = BoardFiles(Noisy(tmp_path, UNLIMITED))
    with pytest.raises(OSError, match="what arrived is not what was sent"):
        files.write("main.py", b"new main")
    assert (tmp_path / "main.py").read_bytes() == b"old"
