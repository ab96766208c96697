"""Started by MicroPython after ``boot.py``: builds the agent and serves until the board leaves.

A file ``safe_mode`` on the board keeps the agent from starting, so that a board whose own methods
crash it can be reached over its serial line and mended. The gate stands here, not in ``boot.py``:
that one cannot stop what follows it, as leaving it early is a soft reset
(reference/host-tools.md 5.7).
"""

import asyncio
import gc
import os


def main():
    """Run the agent; a board in safe mode or not provisioned says what it needs and stops."""
    if "safe_mode" in os.listdir():
        print("safe mode: the agent is not started; remove the file safe_mode and reset")
        return
    from wakecall.errors import ConfigurationError
    from wakecall.start import build_agent, log

    try:
        agent = build_agent()
    except ConfigurationError as error:
        log("not started: %s" % error)
        return
    if hasattr(gc, "mem_free"):  # CPython has no such heap
        # Collected only when it is full, a heap is left in splinters by what lives on in its last
        # corner.
        gc.collect()
        gc.threshold(gc.mem_free() // 4)
    asyncio.run(agent.run())


main()
