"""The one root exception of the host tools, and the exit codes of every command.

An error carries data; only ``host_tools.cli.main`` turns it into text, so nothing else prints or
exits. The table is documented in the README and held to it by a test.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means; the numbers are stable."""

    OK = 0
    FAILED = 1  # the operation failed, and no other code says why
    USAGE = 2  # the command line is wrong (argparse uses the same number)
    NOT_FOUND = 3  # no such device, board, file or running simulation
    CREDENTIALS = 4  # login or token refused
    UNREACHABLE = 5  # the server or the board does not answer at that address
    TIMEOUT = 6  # sent, but no answer in time
    DEVICE_ERROR = 7  # the board answered with an error
    BUSY = 8  # the port, address or name is in use
    CONFIGURATION = 9  # a board file, configuration file or handler file is wrong
    MISSING = 10  # an interpreter or library that is needed is not installed
    WRONG_FIRMWARE = 11  # the firmware file does not fit the board or the lock file
    VERIFICATION = 12  # what is on the board is not what was to be written
    INTERRUPTED = 130  # Ctrl-C


class WakecallError(Exception):
    """A failure that a user can act on.

    Args:
        message: What was wrong, in one line, naming the thing.
        code: The exit status that a command ends with.
        hint: What to do about it, in one line; empty when the message says it.
    """

    def __init__(self, message: str, *, code: ExitCode = ExitCode.FAILED, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
