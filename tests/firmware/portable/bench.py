"""A board without hardware for the portable tests: clock, flash that can fail, recording link."""

import json

from wakecall.delivery import Delivery
from wakecall.errors import CommandError
from wakecall.guard import Guard
from wakecall.journal import Journal
from wakecall.registry import Registry


class PowerCutError(Exception):
    """The power failed; raised through everything, as nothing runs after it."""


class Power:
    """Counts the points at which power may fail, and fails at one of them."""

    def __init__(self):
        self.points = 0
        #: The point at which it fails, counted from 1; 0 for never.
        self.fails_at = 0

    def point(self):
        self.points += 1
        if self.points == self.fails_at:
            raise PowerCutError


class Flash:
    """Files that are replaced whole or not at all, and a count of the writes."""

    def __init__(self, power):
        self.files = {}
        self.writes = 0
        self._power = power

    def mount(self):
        """Do what a boot does before it reads."""

    def write(self, path, content):
        self._power.point()
        self.writes += 1
        self.files[path] = bytes(content)
        self._power.point()


class Port:
    """What delivery and journal use of a port."""

    has_retained = False

    def __init__(self, flash):
        self.flash = flash
        self.ms = 0
        self.epoch = None

    def now_ms(self):
        return self.ms

    def epoch_ms(self):
        return self.epoch

    def read_file(self, path):
        return self.flash.files.get(path)

    def write_file(self, path, content):
        self.flash.write(path, content)

    def make_folder(self, path):
        pass

    def random_below(self, limit):
        return 7 % limit


class Link:
    """A link that records what it is told to say."""

    name = "mqtt"
    acknowledges = True

    def __init__(self):
        self.said = []
        self.answers = {}
        self.payloads = []
        self.confirmations = []

    def acknowledge(self, packet_id):
        self.said.append(f"PUBACK {packet_id}")

    def answer(self, request_id, payload, on_confirmed):
        self.said.append(f"answer {request_id}")
        self.answers[request_id] = self.last = json.loads(payload)
        self.payloads.append(payload)
        self.confirmations.append(on_confirmed)

    def confirm(self):
        """Let the server confirm everything that was answered."""
        while self.confirmations:
            self.confirmations.pop(0)()


class Bench:
    """A board with its delivery; ``reboot`` makes it anew from what is on the flash."""

    def __init__(
        self, *methods, slots=4, slot_bytes=120, rights=None, rate=0, durable_answers=False
    ):
        self.methods = methods
        self.slots = slots
        self.slot_bytes = slot_bytes
        self.rights = rights or {}
        self.rate = rate
        self.durable_answers = durable_answers
        #: What handlers get as their agent.
        self.agent = None
        self.power = Power()
        #: Whether a handler asked for a restart.
        self.rebooting = False
        self.port = Port(Flash(self.power))
        self.reboot(unclean=False)

    def reboot(self, unclean=True):
        """Start from the flash alone, as after a power cut."""
        self.port = Port(self.port.flash)
        self.port.flash.mount()
        self.registry = Registry()
        for method in self.methods:
            self.registry.add(method)
        self.journal = Journal(self.port, self.slots, self.slot_bytes)
        self.journal.open()
        guard = Guard(self.port, self.rights, self.rate)
        self.delivery = Delivery(
            self.port, self.registry, None, self.journal, guard, self.durable_answers
        )
        self.delivery.is_careful = unclean
        self.delivery.recover()
        self.link = None
        self.connection = None

    def connect(self, fence=True, announced=None):
        """Lose the connection, if there is one, and open the next."""
        if self.connection is not None:
            self.delivery.lost(self.connection)
        self.link = Link()
        self.connection = self.delivery.connected(self.link)
        if fence:
            self.fence(announced)
        return self.link

    def connect_quietly(self):
        """Forget what the link recorded."""
        self.link.said.clear()
        self.link.answers.clear()
        self.link.payloads.clear()

    def fence(self, announced=None):
        """Tell that everything pending has arrived."""
        self.delivery.fenced(self.connection, announced)

    def send(self, request_id, method, params=None, name=None, expires=None, packet_id=None):
        """Let a command arrive; its packet id is the request id plus 100 unless told."""
        if name is not None or expires is not None:
            params = dict(params or {})
            if name is not None:
                params["_id"] = name
            if expires is not None:
                params["_exp"] = expires
        payload = json.dumps({"method": method, "params": params}).encode()
        self.send_raw(request_id, payload, len(payload), packet_id)

    def send_raw(self, request_id, payload, length=None, packet_id=None):
        """Let bytes arrive as a command."""
        length = len(payload) if length is None else length
        if packet_id is None:
            packet_id = int(request_id) + 100
        self.delivery.arrived(self.connection, packet_id, str(request_id), payload, length)

    def run(self):
        """Run everything that may run now, and return how many runs that were."""
        count = 0
        while True:
            command = self.delivery.next()
            if command is None:
                return count
            count += 1
            try:
                result = command.method.run(self.agent, command.arguments, command.hook)
            except CommandError as error:
                self.delivery.failed(command, error)
                continue
            if result is None and command.method.complete is not None and command.hook is None:
                return count  # it left the board: its hook answers after the restart
            if command.hook is not None and result is None:
                command.hook = None
                self.delivery.again(command)
            else:
                self.delivery.ran(command, result)

    def error(self):
        """Return code and effect of the last answer."""
        return self.link.last["error"]["code"], self.link.last["error"]["effect"]
