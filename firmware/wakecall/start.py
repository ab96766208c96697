"""Builds the agent of a board from the files on its flash."""

from wakecall.agent import Agent
from wakecall.apps import load_apps
from wakecall.boots import Boots
from wakecall.configuration import read_board, read_configuration, read_secrets
from wakecall.delivery import Delivery
from wakecall.guard import Guard
from wakecall.journal import Journal
from wakecall.links.mqtt import MqttLink
from wakecall.methods import gpio, settings, system
from wakecall.pins import Pins
from wakecall.port import open_port, read_file
from wakecall.registry import Registry


def log(text):
    """Print a line for the owner; the host tools read it from the serial line."""
    print(text)


def build_agent(port=None, log=log):
    """Return the agent that the configuration on the flash describes.

    Args:
        port: The board's port; by default the one of the chip that this runs on.
        log: Called with each line for the owner.

    Raises:
        ConfigurationError: A file is missing or wrong.
    """
    board = read_board(read_file if port is None else port.read_file)
    port = port or open_port(board)
    trial = _pending_trial(port, board, log)
    if trial is None:
        configuration = read_configuration(port.read_file, board)
        secrets = read_secrets(port.read_file)
    else:
        configuration = trial.configuration
        secrets = trial.secrets
    port.raise_clock(configuration["time_floor_ms"])
    registry = Registry()
    for module in (gpio, settings, system):
        registry.add_module(module)
    if configuration["widgets"] is not None:
        from wakecall.methods import widgets

        widgets.bind(registry, configuration["widgets"])
    load_apps(port, registry, log)
    pins = Pins(board, configuration["pins"]["allow"], port.machine)
    journal = Journal(port, board["journal"]["slots"], board["journal"]["slot_bytes"])
    journal.open()
    boots = Boots(port)
    boots.begin(ran_before=not journal.is_new)
    guard = Guard(port, configuration["rights"], configuration["rate_per_minute"])
    delivery = Delivery(
        port, registry, pins, journal, guard, durable_answers=configuration["durable_answers"]
    )
    link = MqttLink(
        port,
        configuration["server"],
        secrets["token"],
        "wakecall-" + port.unique_id(),
        configuration["keepalive_s"],
        configuration["payload_limit"],
    )
    log("%s on %s, reset cause %s" % (configuration["device"], board["board"], port.reset_cause()))
    agent = Agent(port, configuration, secrets, registry, pins, journal, boots, delivery, link, log)
    agent.trial = trial
    return agent


def _pending_trial(port, board, log):
    # One byte tells whether there is one; what deals with it is loaded only then.
    if (port.read_file("trial") or b" ")[:1] not in b"TC":
        return None
    from wakecall.trial import take_up

    return take_up(port, board, log)
