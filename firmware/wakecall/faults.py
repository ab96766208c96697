"""Unexpected exceptions as text, on both interpreters: the whole, or one line."""

import gc
import io
import sys


def traceback_text(error):
    """Return the traceback of an exception as text."""
    if hasattr(sys, "print_exception"):  # MicroPython
        text = io.StringIO()
        try:
            sys.print_exception(error, text)
            return text.getvalue()
        except MemoryError:  # the error itself may be one
            gc.collect()
            return type(error).__name__
    import traceback

    return "".join(traceback.format_exception(error))


def describe(error):
    """Return ``Type: message (file, line N)`` of where an exception came from."""
    told = "%s: %s" % (type(error).__name__, error)
    place = ""
    for line in traceback_text(error).split("\n"):
        line = line.strip()
        if line.startswith('File "'):
            # File "app/pump.py", line 7, in water
            path, _, rest = line[6:].partition('"')
            place = " (%s,%s)" % (path, rest.split(",")[1])
    return told.split("\n")[0] + place
