"""A configuration that comes by command, with the power cut at every point and pair of points."""

import asyncio
import json

from bench import Bench, PowerCutError
from expect import raised

from wakecall import trial
from wakecall.configuration import read_configuration, read_secrets
from wakecall.errors import CommandError, LinkError, RefusedError
from wakecall.methods.settings import getConfig, setConfig

BOARD = {"board": "bench", "port": "esp32", "pins": {"first": 0, "last": 39, "flash": [6]}}
OLD = {"device": "d", "server": {"host": "old"}}
NEW = {"config": {"server": {"host": "new"}}, "secrets": {"token": "new-token"}, "within_s": 10}
_MOST_SESSIONS = 20


class Agent:
    """What the methods and the trial use of an agent, on a board without hardware."""

    def __init__(self, board, in_force, error):
        self.port = board.port
        self.port.reset = None
        self.configuration = in_force[0]
        self.in_force = in_force
        self.has_left = False
        self._error = error

    async def probe(self):
        """Fail with an error when the new configuration is in force and does not connect."""
        if self._error is not None and self.in_force[0]["server"]["host"] == "new":
            self.port.ms += 11000
            raise self._error

    def leave_then(self, action):
        self.has_left = True

    def log(self, text):
        assert "-token" not in text


class Story:
    """One setConfig from its arrival to its answer; power may fail at some points."""

    def __init__(self, error=None, cuts=()):
        self.board = Bench(getConfig, setConfig)
        self._error = error
        files = self.board.port.flash.files
        files["board.json"] = json.dumps(BOARD).encode()
        files["config.json"] = json.dumps(OLD).encode()
        files["secrets.json"] = b'{"token": "old-token"}'
        self._cuts = list(cuts)
        self.answer = None
        self._power()
        self.agent = self.boot()
        self.points = self._live()

    def boot(self):
        """Read what is in force, and try what is to be tried."""
        board = self.board
        tried = trial.take_up(board.port, BOARD, lambda text: None)
        in_force = self.in_force() if tried is None else (tried.configuration, tried.secrets)
        agent = board.agent = Agent(board, in_force, self._error)
        if tried is not None:
            asyncio.run(tried.run(agent))
        hosts = (in_force[0]["server"]["host"], in_force[1]["token"])
        assert hosts in (("old", "old-token"), ("new", "new-token")), hosts
        return agent

    def in_force(self):
        read = self.board.port.read_file
        return read_configuration(read, BOARD), read_secrets(read)

    def host(self):
        """Return whose configuration a board that boots now has."""
        configuration, secrets = self.in_force()
        host = configuration["server"]["host"]
        assert secrets["token"] == host + "-token"
        return host

    def _power(self):
        self.board.power.points = 0
        self.board.power.fails_at = self._cuts.pop(0) if self._cuts else 0

    def _live(self):
        points = 0
        unclean = False
        for _ in range(_MOST_SESSIONS):
            try:
                if points or unclean or self.agent.has_left:
                    self.board.reboot(unclean)
                    self.agent = self.boot()
                unclean = False
                if not self.agent.has_left:
                    self._session()
            except PowerCutError:
                unclean = True
                points += self.board.power.points
                self._power()
                continue
            if self.answer is not None:
                return points + self.board.power.points
        raise AssertionError("no answer")

    def _session(self):
        link = self.board.connect()
        params = json.loads(json.dumps(NEW))
        self.board.send(1, "setConfig", params, name="a")
        self.board.run()
        self.answer = link.answers.get("1")


def check(error, cuts):
    story = Story(error, cuts)
    told = (error, cuts, story.answer)
    state = (story.board.port.read_file(trial.FILE) or b"")[:1]
    if story.answer == {"applied": True}:
        assert error is None, told
        assert story.host() == "new", told
    elif story.answer["error"]["code"] == "FAILED_PRECONDITION":
        assert story.answer["error"]["effect"] == "none", told
        assert story.host() == "old", told
    else:
        # Cut off while the answer was being written: the sender is told that nothing is certain.
        assert story.answer["error"]["code"] == "ABORTED", told
        assert story.answer["error"]["effect"] == "unknown", told
        assert cuts, told
    assert state in (b"", trial.APPLIED, trial.FAILED), told
    assert story.host() == "old" or error is None, told
    return story


def test_a_configuration_that_connects_is_in_force_and_told_so():
    story = check(None, ())
    assert story.answer == {"applied": True}
    assert getConfig.function(story.boot())["lastChange"] == {"applied": True}


def test_a_configuration_that_does_not_connect_is_rolled_back_and_told_so():
    story = check(LinkError("no such network in reach"), ())
    assert "not applied: no such network in reach" in story.answer["error"]["message"]
    change = getConfig.function(story.boot())["lastChange"]
    assert change == {"applied": False, "reason": "no such network in reach"}


def test_a_refused_token_is_rolled_back_without_waiting():
    story = Story(RefusedError("refused the token"))
    assert story.host() == "old"


def test_an_unexpected_fault_of_the_new_configuration_is_rolled_back():
    story = check(ValueError("a bug"), ())
    assert "ValueError: a bug" in story.answer["error"]["message"]


def test_a_cut_at_any_point_leaves_the_old_or_the_new_and_an_answer_that_is_true():
    for error in (None, LinkError("no")):
        points = Story(error).points
        assert points >= 16
        for point in range(1, points + 1):
            answer = check(error, (point,)).answer
            # One cut never leaves the sender in doubt.
            assert "error" not in answer or answer["error"]["code"] != "ABORTED"


def test_cuts_at_any_two_points_leave_the_old_or_the_new_and_an_answer_that_is_true():
    for error in (None, LinkError("no")):
        points = Story(error).points
        for first in range(1, points + 1):
            for second in range(1, points + 1):
                check(error, (first, second))


def test_a_board_that_never_stays_up_with_the_new_configuration_returns_to_the_old():
    board = Bench()
    trial.begin(board.port, "x", dict(OLD), {"token": "t"}, 10)
    for _ in range(3):
        assert trial.take_up(board.port, BOARD, None) is not None
    assert trial.take_up(board.port, BOARD, None) is None
    error = raised(CommandError, trial.outcome, board.port, "x")
    assert "restarted 3 times" in error.message


def test_a_record_that_is_no_configuration_is_given_up():
    board = Bench()
    lines = []
    trial.begin(board.port, "x", {"device": 5}, {"token": "t"}, 10)
    assert trial.take_up(board.port, BOARD, lines.append) is None
    assert len(lines) == 1
    raised(CommandError, trial.outcome, board.port, "x")


def refused(**params):
    story = Story(LinkError("no"))
    agent = story.agent
    agent.has_left = False
    before = dict(story.board.port.flash.files)
    arguments = setConfig.check(params, None)
    error = raised(CommandError, lambda: setConfig.function(agent, **arguments))
    assert story.board.port.flash.files == before
    assert not agent.has_left
    assert error.effect == "none"
    return error.message


def test_a_change_that_makes_no_configuration_is_refused_and_nothing_is_written():
    assert refused(config={"colour": 1}).startswith("setConfig: config 'colour' is not known here")
    assert "server host is missing" in refused(config={"server": {"host": None}})
    assert "device must be a text" in refused(config={"device": 5})
    assert "widgets value 6 carries the flash" in refused(config={"widgets": {"value": 6}})


def test_a_secret_that_does_not_fit_is_not_shown_in_the_error():
    for secret in (7777, "7777" * 100, ["7777"]):
        for name in ("token", "wifi_key"):
            error = raised(CommandError, setConfig.check, {"secrets": {name: secret}}, None)
            assert "7777" not in error.message
            assert error.code == "INVALID_ARGUMENT"


def test_a_change_that_changes_nothing_is_answered_without_a_restart():
    story = Story()
    agent = story.boot()
    arguments = setConfig.check(json.loads(json.dumps(NEW)), None)
    assert setConfig.function(agent, **arguments) == {"applied": True}
    assert not agent.has_left


def test_null_takes_a_key_out_and_what_is_not_named_stays():
    story = Story()
    agent = story.boot()
    port = story.board.port
    setConfig.function(agent, {"server": {"port": 1884}, "wifi": {"ssid": "n"}}, {}, 10)
    _, record = trial.read(port)
    assert record["config.json"]["server"] == {"host": "new", "port": 1884}
    assert record["config.json"]["device"] == "d"
    port.write_file("config.json", json.dumps(record["config.json"]).encode())
    setConfig.function(agent, {"wifi": None, "server": {"port": None}}, {}, 10)
    after = trial.read(port)[1]["config.json"]
    assert after == {"device": "d", "server": {"host": "new"}}
