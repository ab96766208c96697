"""How a client script talks to its test: settings from a variable, reports as lines of JSON."""

import json
import os

SETTINGS = json.loads(os.environ["SETTINGS"])


def report(event, **values):
    """Tell the test that something happened."""
    print(json.dumps({"event": event, **values}), flush=True)
