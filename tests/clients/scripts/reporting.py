"""How a client script talks to its test: settings from a variable, reports as lines of JSON."""

import json
import os
import sys

SETTINGS = json.loads(os.environ["SETTINGS"])


def report(event, **values):
    """Tell the test that something happened."""
    # One write: the client's own log goes to the same pipe, from other threads.
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()
