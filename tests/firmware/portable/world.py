"""A board and its server, joined by a wire on which power may fail at every message.

The points at which it fails: before and after each write to flash, each effect of a handler, and
each message that leaves the board. ``effects`` is the oracle: it is outside the board.
"""

from bench import Bench, PowerCutError
from server import Server

from wakecall.registry import method
from wakecall.schema import Integer


class World:
    """One device.

    Args:
        strategy: The server's.
        options: As for ``bench.Bench``.
    """

    def __init__(self, strategy, **options):
        #: Every effect that happened, as ``(method, value)``.
        self.effects = []
        #: The value that the newest ``set`` left.
        self.state = None
        self.server = Server(strategy)
        self.board = Bench(*self._methods(), **options)
        self.board.power.points = 0
        #: How often a message is sent twice, one in so many; 0 for never.
        self.duplicate = lambda: False

    def session(self):
        """Connect, until neither side has anything to say or power fails; return whether it did."""
        try:
            self._talk()
        except PowerCutError:
            return True
        return self.board.rebooting

    def boot(self, fails_at=0):
        """Start the board from its flash; power may fail at a point of that and of what follows."""
        self.board.rebooting = False
        self.board.power.points = 0
        self.board.power.fails_at = fails_at
        try:
            self.board.reboot()
        except PowerCutError:
            self.boot()

    def _talk(self):
        board, server = self.board, self.server
        board.connect(fence=False)
        server.subscribed()
        sent = 0
        while True:
            while server.outbox:
                row = server.outbox.pop(0)
                for _ in range(2 if self.duplicate() else 1):
                    board.send(row.request_id, row.method, row.params, name=row.name)
            if not board.connection.is_fenced:
                board.fence()
            board.run()
            said = board.link.said[sent:]
            sent = len(board.link.said)
            for line in said:
                self._deliver(line)
            if board.rebooting or not (said or server.outbox):
                return

    def _deliver(self, line):
        board = self.board
        kind, _, number = line.partition(" ")
        board.power.point()
        if kind == "PUBACK":
            self.server.puback(int(number) - 100)
        else:
            self.server.answered(int(number), board.link.payloads.pop(0))
        board.power.point()
        if kind == "answer":
            board.link.confirmations.pop(0)()
            board.power.point()

    def _effect(self, name, value):
        self.board.power.point()
        self.effects.append((name, value))
        if name == "set":
            self.state = value
        self.board.power.point()

    def _methods(self):
        params = {"value": Integer()}

        @method(params, effect="read", name="read")
        def read(agent, value):
            self._effect("read", value)
            return value

        @method(params, effect="set", name="set")
        def set_(agent, value):
            self._effect("set", value)
            return value

        @method(params, name="once")
        def once(agent, value):
            self._effect("once", value)
            return value

        @method(params, effect="reboot", name="reboot")
        def reboot(agent, value):
            self._effect("reboot", value)
            self.board.rebooting = True
            return {"rebooting": True}

        return read, set_, once, reboot
