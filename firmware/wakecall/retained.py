"""States that outlive the power: the newest command for each is kept on flash and run at boot."""

import binascii
import hashlib
import json

from wakecall.faults import describe

_FOLDER = "retained"


class RetainedStates:
    """The states that methods declared with ``retain``.

    Args:
        port: The board's port, for its flash.
    """

    def __init__(self, port):
        self._port = port

    def keep(self, agent, command):
        """Keep the state that a command has set; nothing is written when it is kept already."""
        name = command.method.run(agent, command.arguments, command.method.retain)
        if name is None:
            return
        content = json.dumps([command.method.name, command.message.params]).encode()
        text = command.method.name + "\n" + name
        path = "%s/%s" % (_FOLDER, _hexadecimal(hashlib.sha256(text.encode()).digest()[:6]))
        if self._port.read_file(path) == content:
            return
        self._port.make_folder(_FOLDER)
        self._port.write_file(path, content)

    def restore(self, agent):
        """Set every kept state again; one that cannot be set is told, the others are."""
        for name in self._port.list_folder(_FOLDER):
            # A file that was cut off while it was made is empty.
            content = self._port.read_file("%s/%s" % (_FOLDER, name))
            if not content:
                continue
            try:
                method_name, params = json.loads(content)
                method = agent.registry.find(method_name)
                method.run(agent, method.check(params, agent.pins))
            except Exception as error:  # whatever the owner's handler raises
                agent.log("a state was not restored: %s" % describe(error))


def _hexadecimal(content):
    return binascii.hexlify(content).decode()
