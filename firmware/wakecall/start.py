"""Builds the agent of a board from the files on its flash."""

from wakecall.agent import Agent
from wakecall.apps import load_apps
from wakecall.configuration import read_board, read_configuration, read_secrets
from wakecall.links.mqtt import MqttLink
from wakecall.methods import gpio, system
from wakecall.port import open_port, read_file
from wakecall.registry import Registry


def log(text):
    """Print a line for the owner; the host tools read it from the serial line."""
    print(text)


def build_agent():
    """Return the agent that the configuration on the flash describes.

    Raises:
        ConfigurationError: A file is missing or wrong.
    """
    board = read_board(read_file)
    configuration = read_configuration(read_file)
    secrets = read_secrets(read_file)
    port = open_port(board)
    registry = Registry()
    for module in (gpio, system):
        registry.add_module(module)
    load_apps(port, registry, log)
    link = MqttLink(
        port,
        configuration["server"],
        secrets["token"],
        "wakecall-" + port.unique_id(),
        configuration["keepalive_s"],
        configuration["payload_limit"],
    )
    log("%s on %s, reset cause %s" % (configuration["device"], board["board"], port.reset_cause()))
    return Agent(port, board, configuration, secrets, registry, link, log)
