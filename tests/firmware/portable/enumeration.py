"""Runs a scenario with the power cut at every point, or at every pair of points.

The points: before and after each write to flash, each effect of a handler, and each message that
leaves the board. An oracle outside the board records every effect.
"""

from bench import Bench, PowerCutError
from server import BURST, Server

from wakecall.registry import method
from wakecall.schema import Integer

_MOST_SESSIONS = 12


class Scenario:
    """Commands for one board, and what must be true of their effects however power fails.

    Args:
        strategy: The server's.
        commands: ``(method, value, name)`` in order; a name of None is a command without ``_id``.
        slots: The size of the board's journal.
        restart_after: Restart the server, counting ids anew, after that session.
        durable_answers: Whether the board keeps answers of ``read`` and ``set`` over a cut.
    """

    def __init__(self, strategy, commands, slots=4, restart_after=None, durable_answers=False):
        self.strategy = strategy
        self.commands = commands
        self.slots = slots
        self.restart_after = restart_after
        self.durable_answers = durable_answers

    def points(self):
        """Return how many points a run without a cut has."""
        return self._run(())[0]

    def check(self, cuts):
        """Run with the power cut at those points, and check the promises; return what was run."""
        points, effects, server, state = self._run(cuts)
        told = (self.strategy, self.commands, cuts, effects)
        for position, (name, value, _) in enumerate(self.commands):
            row = server.rows[position]
            count = effects.count((name, value))
            if row.is_pending and count and self._may_lose_answer(name):
                continue
            assert not row.is_pending, ("stuck", position, told)
            if row.has_failed:
                # The server gave up on an answer that was under way; the effect counts stand.
                assert self.strategy != BURST, told
            answer = row.answer
            aborted = isinstance(answer, dict) and "error" in answer
            if name in ("once", "reboot"):
                assert count <= 1, ("doubled", position, told)
                assert count == 1 or aborted or row.has_failed or name == "reboot", (
                    "lost",
                    position,
                    told,
                )
            elif not aborted and not row.has_failed:
                assert count >= 1, ("lost", position, told)
        sets = [value for name, value, _ in self.commands if name == "set"]
        if sets and not any(_is_aborted(row) for row in server.rows):
            assert state == [sets[-1]], ("the newest set does not stand", told)
        return points

    def _may_lose_answer(self, name):
        # delivery.md 7: these strategies do not send again what was acknowledged.
        return self.strategy != BURST and not self.durable_answers and name in ("read", "set")

    def _run(self, cuts):
        effects = []
        state = []
        board = Bench(
            *self._methods(effects, state),
            slots=self.slots,
            durable_answers=self.durable_answers,
        )
        server = Server(self.strategy)
        for name, value, identity in self.commands:
            server.submit(name, {"value": value}, identity)
        self._board = board
        board.power.points = 0
        cuts = list(cuts)
        board.power.fails_at = cuts.pop(0) if cuts else 0
        for session in range(_MOST_SESSIONS):
            if session == self.restart_after:
                server.restart()
            try:
                self._session(board, server)
            except PowerCutError:
                board.power.points = 0
                board.power.fails_at = 0
                self._reboot(board, cuts)
                continue
            if board.rebooting:
                self._reboot(board, cuts)
                continue
            if not any(row.is_pending for row in server.rows):
                break
            if not server.response_timeout():
                # Life goes on: by the next command's id the board sees that the server did not
                # count anew, and sends what it owes (delivery.md 7).
                server.submit("read", {"value": 0}, f"later {session}")
        return board.power.points, effects, server, state

    def _reboot(self, board, cuts):
        """Boot, which may be cut as well."""
        board.rebooting = False
        board.power.points = 0
        board.power.fails_at = cuts.pop(0) if cuts else 0
        while True:
            try:
                board.reboot()
                return
            except PowerCutError:
                board.power.points = 0
                board.power.fails_at = cuts.pop(0) if cuts else 0

    def _session(self, board, server):
        """One connection, until neither side has anything to say."""
        board.connect(fence=False)
        server.subscribed()
        sent = 0
        while True:
            while server.outbox:
                row = server.outbox.pop(0)
                board.send(row.request_id, row.method, row.params, name=row.name)
            if not board.connection.is_fenced:
                board.fence()
            board.run()
            said = board.link.said[sent:]
            sent = len(board.link.said)
            for line in said:
                self._deliver(board, server, line)
            if board.rebooting or not (said or server.outbox):
                return

    def _deliver(self, board, server, line):
        kind, _, number = line.partition(" ")
        board.power.point()
        if kind == "PUBACK":
            server.puback(int(number) - 100)
        else:
            server.answered(int(number), board.link.payloads.pop(0))
        board.power.point()
        if kind == "answer":
            board.link.confirmations.pop(0)()
            board.power.point()

    def _methods(self, effects, state):
        def effect(name, value):
            self._board.power.point()
            effects.append((name, value))
            if name == "set":
                state[:] = [value]
            self._board.power.point()

        params = {"value": Integer()}

        @method(params, effect="read", name="read")
        def read(agent, value):
            effect("read", value)
            return value

        @method(params, effect="set", name="set")
        def set_(agent, value):
            effect("set", value)
            return value

        @method(params, name="once")
        def once(agent, value):
            effect("once", value)
            return value

        @method(params, effect="reboot", name="reboot")
        def reboot(agent, value):
            effect("reboot", value)
            self._board.rebooting = True
            return {"rebooting": True}

        return read, set_, once, reboot


def _is_aborted(row):
    return row.has_failed or (isinstance(row.answer, dict) and "error" in row.answer)
