"""Runs a scenario with the power cut at every point, or at every pair of points."""

from server import BURST
from world import World

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
        return self._run(()).board.power.points

    def check(self, cuts):
        """Run with the power cut at those points, and check the promises."""
        world = self._run(cuts)
        told = (self.strategy, self.commands, cuts, world.effects)
        for position, (name, value, _) in enumerate(self.commands):
            self._check_row(
                world.server.rows[position], name, world.effects.count((name, value)), told
            )
        sets = [value for name, value, _ in self.commands if name == "set"]
        if sets and not any(is_aborted(row) for row in world.server.rows):
            assert world.state == sets[-1], ("the newest set does not stand", told)

    def _check_row(self, row, name, count, told):
        if row.is_pending and count and self._may_lose_answer(name):
            return
        assert not row.is_pending, ("stuck", row.params, told)
        # Under BURST the server never gives up on an answer that is under way.
        assert not row.has_failed or self.strategy != BURST, told
        if name in ("once", "reboot"):
            assert count <= 1, ("doubled", row.params, told)
        if name != "reboot" and not is_aborted(row):
            assert count >= 1, ("lost", row.params, told)

    def _may_lose_answer(self, name):
        # delivery.md 7: these strategies do not send again what was acknowledged.
        return self.strategy != BURST and not self.durable_answers and name in ("read", "set")

    def _run(self, cuts):
        world = World(self.strategy, slots=self.slots, durable_answers=self.durable_answers)
        for name, value, identity in self.commands:
            world.server.submit(name, {"value": value}, identity)
        cuts = list(cuts)
        world.board.power.fails_at = cuts.pop(0) if cuts else 0
        for session in range(_MOST_SESSIONS):
            if session == self.restart_after:
                world.server.restart()
            if world.session():
                world.boot(cuts.pop(0) if cuts else 0)
            elif not any(row.is_pending for row in world.server.rows):
                break
            elif not world.server.response_timeout():
                # Life goes on: by the next command's id the board sees that the server did not
                # count anew, and sends what it owes (delivery.md 7).
                world.server.submit("read", {"value": 0}, f"later {session}")
        return world


def is_aborted(row):
    """Return whether a command ended without its own answer: refused, aborted, or given up."""
    return row.has_failed or (isinstance(row.answer, dict) and "error" in row.answer)
