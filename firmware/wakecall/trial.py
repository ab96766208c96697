"""A configuration that came by command: tried, then confirmed by a connection or given up.

One file, ``trial``, holds the change; its first byte is the state, each write a step:

    (none)     setConfig writes the whole new configuration as TRYING and restarts the board
    TRYING     boot counts itself and connects with the new configuration, the old files untouched
               a connection in time: CONFIRMED; none, or too many boots: FAILED and restart
    CONFIRMED  the point of no return: boot, or what follows, writes the new files, then APPLIED
    APPLIED    the new files are in force; kept for the answer, without the configuration
    FAILED     the old files are in force; kept for the answer, with the reason

Power may fail before or after every write. Before CONFIRMED the old files are whole, and a board
that cannot connect returns to them after at most ``_MOST_BOOTS`` boots; from CONFIRMED on the
record is whole, and is written into the files again until APPLIED. The answer is given by the
``complete`` hook of ``setConfig`` after the restart, from APPLIED or FAILED. When the power failed
before TRYING, the record is missing or another command's: then the hook has the command run.
"""

import asyncio
import binascii
import hashlib
import json

from micropython import const

from wakecall.configuration import read_configuration, read_secrets
from wakecall.errors import CommandError, ConfigurationError, LinkError, RefusedError
from wakecall.faults import describe
from wakecall.identity import canonical

FILE = "trial"
TRYING = b"T"
CONFIRMED = b"C"
APPLIED = b"A"
FAILED = b"F"

_MOST_BOOTS = const(3)
_PAUSE_MS = const(1000)
_FILES = ("config.json", "secrets.json")


class Trial:
    """A configuration that is being tried.

    Args:
        port: The board's port.
        record: The content of the file, without its state.
        board: The content of ``board.json``.

    Raises:
        ConfigurationError: It is none for this board.
    """

    def __init__(self, port, record, board):
        self._port = port
        self._record = record
        self.configuration = read_configuration(self._read_file, board)
        self.secrets = read_secrets(self._read_file)

    async def run(self, agent):
        """Connect with the new configuration; give it up and restart when that takes too long."""
        deadline_ms = self._port.now_ms() + self._record["within_s"] * 1000
        reason = "no connection"
        while True:
            left_ms = max(deadline_ms - self._port.now_ms(), 0)
            try:
                await asyncio.wait_for(agent.probe(), left_ms / 1000)
                break
            except asyncio.TimeoutError:
                is_hopeful = False
            except LinkError as error:
                reason = str(error)
                is_hopeful = not isinstance(error, RefusedError)
            except Exception as error:  # whatever it is, the board must come back
                reason = describe(error)
                is_hopeful = False
            agent.log("the new configuration does not connect: %s" % reason)
            if not is_hopeful or self._port.now_ms() + _PAUSE_MS >= deadline_ms:
                fail(self._port, self._record, reason)
                agent.leave_then(self._port.reset)
                return
            await asyncio.sleep(_PAUSE_MS / 1000)
        _write(self._port, CONFIRMED, self._record)
        _apply(self._port, self._record)
        agent.log("the new configuration is in force")

    def _read_file(self, name):
        return json.dumps(self._record[name]).encode()


def digest(params):
    """Return a text that tells the params of a change apart from others."""
    return binascii.hexlify(hashlib.sha256(canonical(params).encode()).digest()[:8]).decode()


def begin(port, change, configuration, secrets, within_s):
    """Keep a change to be tried at the next boot.

    Args:
        port: The board's port.
        change: The digest of the command's params.
        configuration: The whole new content of ``config.json``.
        secrets: The whole new content of ``secrets.json``.
        within_s: How many seconds a connection may take.
    """
    record = {"change": change, "within_s": within_s, "boots": 0}
    record["config.json"] = configuration
    record["secrets.json"] = secrets
    _write(port, TRYING, record)


def take_up(port, board, log):
    """Return the ``Trial`` to be run in this boot, or None; finishes a confirmed change.

    Args:
        port: The board's port.
        board: The content of ``board.json``.
        log: Called with one line of text.
    """
    state, record = read(port)
    if state == CONFIRMED:
        _apply(port, record)
    if state != TRYING:
        return None
    if record["boots"] >= _MOST_BOOTS:
        fail(port, record, "the board restarted %d times while it was tried" % _MOST_BOOTS)
        return None
    record["boots"] += 1
    _write(port, TRYING, record)
    try:
        return Trial(port, record, board)
    except ConfigurationError as error:
        fail(port, record, str(error))
        log("the new configuration is none: %s" % error)
        return None


def outcome(port, change):
    """Return the answer to a change, or None when it was never tried.

    Args:
        port: The board's port.
        change: The digest of the command's params.

    Raises:
        CommandError: It was given up.
    """
    state, record = read(port)
    if record.get("change") != change:
        return None
    if state == FAILED:
        told = "not applied: %s; the configuration before is in force" % record["reason"]
        raise CommandError("FAILED_PRECONDITION", "setConfig: " + told)
    return {"applied": True} if state == APPLIED else None


def read(port):
    """Return state and record of the last change; ``b""`` and an empty one when there is none."""
    content = port.read_file(FILE) or b""
    try:
        return content[:1], json.loads(content[1:])
    except ValueError:
        return b"", {}


def fail(port, record, reason):
    """Give a change up."""
    _write(port, FAILED, {"change": record["change"], "reason": reason})


def _apply(port, record):
    for name in _FILES:
        port.write_file(name, json.dumps(record[name]).encode())
    _write(port, APPLIED, {"change": record["change"]})


def _write(port, state, record):
    port.write_file(FILE, state + json.dumps(record).encode())
