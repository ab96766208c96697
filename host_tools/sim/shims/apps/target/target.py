"""The method of the scenario ``target``: keeps a number that a power cut cannot leave in half."""

import json
import os

from wakecall import Integer, method


@method({"celsius": Integer(5, 30)}, effect="set", help="Keep the wanted temperature")
def setTarget(agent, celsius):
    # Aside and renamed: a cut while a file is made leaves it empty (power-delivery.md 4.3).
    with open("target.new", "w") as file:
        file.write(json.dumps({"celsius": celsius}))
    os.rename("target.new", "target")
    return celsius
