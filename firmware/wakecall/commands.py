"""What delivery knows of a command and of the connection that brought it."""


class RingFullError(Exception):
    """No slot may be overwritten, or too much waits: the command is left to the server."""


class Connection:
    """What is known of one connection of a link; a lost one never carries anything again."""

    def __init__(self, link):
        self.link = link
        self.is_lost = False
        #: Whether everything that was pending at the subscription has arrived.
        self.is_fenced = False
        #: Whether it is to be ended in order, as a command had to be left to the server.
        self.is_leaving = False
        #: The request id of the first command that no slot knew.
        self.first_fresh_id = None
        #: Commands whose PUBACK has not left, in the order of arrival.
        self.unacknowledged = []
        #: Answers that are not in the journal and not confirmed.
        self.unconfirmed = 0

    def answer(self, request_id, payload):
        """Send an answer that only the server keeps."""
        self.unconfirmed += 1
        self.link.answer(request_id, payload, self._confirmed)

    def release(self):
        """Let the PUBACKs leave that may, in the order of arrival (MQTT 3.1.1, 4.6)."""
        waiting = self.unacknowledged
        while waiting and waiting[0].may_acknowledge:
            self.link.acknowledge(waiting.pop(0).packet_id)

    def lose(self):
        """Carry nothing any more."""
        self.is_lost = True
        self.unacknowledged = []
        self.unconfirmed = 0

    def _confirmed(self):
        if not self.is_lost:
            self.unconfirmed -= 1


class Command:
    """One command on its way."""

    def __init__(self, connection, packet_id, request_id, arrived_ms, size):
        self.connection = connection
        self.packet_id = packet_id
        self.request_id = request_id
        self.arrived_ms = arrived_ms
        self.size = size
        self.message = None
        self.method = None
        self.arguments = None
        self.digest = None
        self.key = None
        self.slot = None
        #: A hook of the method that runs in place of its handler, after an interrupted run.
        self.hook = None
        self.is_begun = False
        #: Whether its PUBACK may leave, once those before it have left.
        self.may_acknowledge = False

    def acknowledge(self):
        """Let its PUBACK leave in its turn."""
        self.may_acknowledge = True
        if self.connection is not None and not self.connection.is_lost:
            self.connection.release()


def may_carry(connection, slot):
    """Return whether a slot's request id still means its command on a connection.

    It does when the server presented the command there, or when it counts on beyond it: under a
    reused id the answer would reach a stranger's command (delivery.md 7).
    """
    if slot.presented_on is connection:
        return True
    if not connection.is_fenced or connection.first_fresh_id is None:
        return False
    return connection.first_fresh_id > slot.request_id


def is_request_id(text):
    """Return whether a text is a request id as ThingsBoard counts them: an int32."""
    digits = text[1:] if text[:1] == "-" else text
    return 0 < len(digits) <= 10 and digits.isdigit() and -0x80000000 <= int(text) <= 0x7FFFFFFF
