"""What the server still owes: packets of a connection that wait for their reply. Pure."""


class Replies:
    """The awaited replies, the oldest first."""

    def __init__(self):
        #: (packet type, packet id, deadline in ms, what to call or None)
        self._awaited = []

    def expect(self, packet_type, packet_id, deadline_ms, on_reply):
        """Wait for a packet.

        Args:
            packet_type: The first byte of the reply.
            packet_id: The one that it repeats; 0 where it has none.
            deadline_ms: When it is too late, on the port's clock.
            on_reply: Called without arguments; or None.
        """
        self._awaited.append((packet_type, packet_id, deadline_ms, on_reply))

    def arrived(self, packet_type, packet_id):
        """Take a reply; one that nobody waits for is left alone."""
        for index, awaited in enumerate(self._awaited):
            if awaited[0] == packet_type and awaited[1] == packet_id:
                self._awaited.pop(index)
                if awaited[3] is not None:
                    awaited[3]()
                return

    def give_up(self, packet_types):
        """Tell those who wait for packets of these types, though none will come."""
        for packet_type, _, _, on_reply in self._awaited:
            if packet_type in packet_types:
                on_reply()

    def has(self, packet_type):
        """Return whether a packet of that type is awaited."""
        return any([awaited[0] == packet_type for awaited in self._awaited])

    @property
    def packet_ids(self):
        """The packet ids that must not be used anew."""
        return [awaited[1] for awaited in self._awaited]

    @property
    def deadline_ms(self):
        """When the oldest is too late; None when nothing is awaited."""
        return self._awaited[0][2] if self._awaited else None
