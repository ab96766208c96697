"""Methods for the board's configuration: ``getConfig`` and ``setConfig``."""

import json

from wakecall.configuration import check_configuration, read_board
from wakecall.errors import CommandError, SchemaError
from wakecall.registry import method
from wakecall.schema import Integer, Kind, Object, Text


class _Secret(Text):
    """A text that no error shows."""

    def check(self, value, board=None):
        if value is None:
            return None
        try:
            return super().check(value)
        except SchemaError:
            told = "must be a text of %d to %d characters"
            raise SchemaError(told % (self.minimum_length, self.maximum_length))


class _Change(Kind):
    """Some keys of the configuration; the whole is checked when it is put together."""

    def check(self, value, board=None):
        if not isinstance(value, dict):
            raise SchemaError("must be an object with keys of the configuration")
        return value

    def _facts(self):
        return {"type": "object"}


_SECRETS = Object(
    {
        "token": _Secret(255, default=None, minimum_length=1),
        "wifi_key": _Secret(64, default=None),
    },
    default={},
)


@method(effect="read", help="Show the configuration, without secrets, and how its last change went")
def getConfig(agent):
    from wakecall import trial

    state, record = trial.read(agent.port)
    change = {"applied": state == trial.APPLIED} if record else None
    if state == trial.FAILED:
        change["reason"] = record["reason"]
    return {"config": agent.configuration, "lastChange": change}


def _report(agent, config, secrets, within_s):
    from wakecall import trial

    return trial.outcome(agent.port, trial.digest([config, secrets, within_s]))


@method(
    {
        "config": _Change(default={}, help="what to change; null takes the default"),
        "secrets": _SECRETS,
        "within_s": Integer(
            10, 3600, default=120, help="time for a connection, else all as before"
        ),
    },
    effect="resume",
    complete=_report,
    help="Restart with another configuration; kept if the board connects with it",
)
def setConfig(agent, config, secrets, within_s):
    from wakecall import trial

    port = agent.port
    before = json.loads(port.read_file("config.json"))
    after = _merged(before, config)
    secrets_before = json.loads(port.read_file("secrets.json"))
    secrets_after = dict(secrets_before)
    secrets_after.update({name: value for name, value in secrets.items() if value is not None})
    try:
        check_configuration(after, read_board(port.read_file))
    except SchemaError as error:
        raise CommandError(error.code, "setConfig: config %s" % error.message)
    if (after, secrets_after) == (before, secrets_before):
        return {"applied": True}
    change = trial.digest([config, secrets, within_s])
    trial.begin(port, change, after, secrets_after, within_s)
    # The answer is the hook's, after the restart.
    agent.leave_then(port.reset)


def _merged(target, patch):
    """Return an object with a patch merged in, as RFC 7396 has it."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
