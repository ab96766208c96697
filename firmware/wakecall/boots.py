"""How the last boot ended: in order, or by a crash, a power cut or a bite of the watchdog.

The mark is in retained memory where the chip has some, else in a small file on flash. A mark that
is missing on a board that ran before means that its power failed.
"""

import struct

_RECORD = "<2sBI"
_MAGIC = b"WB"
_FILE = "boot"


class Boots:
    """The boot record of a board.

    Args:
        port: The board's port.
    """

    def __init__(self, port):
        self._port = port
        #: How often the board started since its record was made.
        self.count = 0
        #: Whether the last run did not end in order.
        self.was_unclean = False

    def begin(self, ran_before):
        """Read the mark of the last run and set that of this one.

        Args:
            ran_before: Whether the board has run at all, so that a missing mark means something.
        """
        record = self._read()
        if record is None:
            self.was_unclean = ran_before
        else:
            is_clean, self.count = record
            self.was_unclean = not is_clean
        self.count += 1
        self._write(False)

    def end(self):
        """Mark that this run ends in order; called right before leaving."""
        self._write(True)

    def _read(self):
        content = self._port.read_retained() if self._port.has_retained else None
        if content is None:
            content = self._port.read_file(_FILE) or b""
        size = struct.calcsize(_RECORD)
        if len(content) < size:
            return None
        magic, is_clean, count = struct.unpack(_RECORD, content[:size])
        return (is_clean == 1, count) if magic == _MAGIC else None

    def _write(self, is_clean):
        record = struct.pack(_RECORD, _MAGIC, 1 if is_clean else 0, self.count)
        if self._port.has_retained:
            self._port.write_retained(record)
        else:
            self._port.write_file(_FILE, record)
