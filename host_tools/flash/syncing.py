"""One board brought up to date: build, ask, plan, write, restart."""

from __future__ import annotations

import hashlib
from pathlib import Path

from host_tools import board_lock
from host_tools.board_facts import BoardFacts
from host_tools.errors import ExitCode, WakecallError
from host_tools.flash import repl, sync_build, sync_plan
from host_tools.flash.events import Event, Progress, Report
from host_tools.flash.ports import Port
from host_tools.flash.sync_device import BoardFiles
from host_tools.flash.sync_plan import Plan


def sync(
    facts: BoardFacts,
    port: Port,
    app: Path | None,
    report: Report,
    *,
    dry_run: bool = False,
    wait_s: float = 0.0,
) -> Plan:
    """Bring the agent, its libraries and the owner's methods on a board up to date.

    A cut at any moment leaves each file as it was or as it shall be, and the next sync goes on.

    Args:
        facts: The board.
        port: Where it is.
        app: The folder with the owner's methods; None for none.
        report: Is told what happens.
        dry_run: Whether nothing is to be written.
        wait_s: How long to wait for another process that has the board, in seconds.

    Raises:
        WakecallError: A file does not compile (CONFIGURATION), the board does not answer
            (UNREACHABLE) or fails to write (DEVICE_ERROR), or as ``sync_plan.make`` and
            ``board_lock.hold`` say.
    """
    wanted = sync_build.build(facts, app)
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in wanted.items()}
    with board_lock.hold(port.id, "sync", wait_s=wait_s), repl.session(port.device) as session:
        files = BoardFiles(session)
        _check_version(files, port)
        manifest = files.read_manifest()
        there = files.hashes(sync_plan.paths_to_ask(hashes, manifest))
        plan = sync_plan.make(hashes, manifest, there)
        _tell(plan, wanted, report)
        if not dry_run:
            _carry_out(plan, files, wanted, report)
    return plan


def _check_version(files: BoardFiles, port: Port) -> None:
    version = files.mpy_version()
    if version != sync_build.MPY_VERSION:
        raise WakecallError(
            f"the MicroPython at {port.device} loads compiled files of version {version}, "
            f"ours are of version {sync_build.MPY_VERSION}",
            code=ExitCode.WRONG_FIRMWARE,
            hint="flash a newer MicroPython: wakecall flash",
        )


def _tell(plan: Plan, wanted: dict[str, bytes], report: Report) -> None:
    size = sum(len(wanted[path]) for path in plan.writes)
    told = f"{len(plan.writes)} of {len(wanted)} files to write, {len(plan.deletes)} to delete"
    values = {"writes": list(plan.writes), "deletes": list(plan.deletes), "bytes": size}
    report(Event("planned", told if not plan.is_empty else "everything is up to date", values))
    for path in plan.kept:
        text = f"  {path} is no longer part of the agent, but was changed on the board: it stays"
        report(Event("kept", text, {"path": path}))


def _carry_out(plan: Plan, files: BoardFiles, wanted: dict[str, bytes], report: Report) -> None:
    if plan.first_manifest is not None:
        files.write_manifest(plan.first_manifest)
    total, done = sum(len(wanted[path]) for path in plan.writes), 0
    for path in plan.writes:
        files.write(path, wanted[path])
        done += len(wanted[path])
        report(Progress(done, total))
    for path in plan.deletes:
        files.remove(path)
    if plan.last_manifest is not None:
        files.write_manifest(plan.last_manifest)
    if not plan.is_empty:
        report(Event("synced", f"{len(plan.writes)} files written; the board restarts"))
