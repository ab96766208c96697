"""Started by MicroPython before ``main.py``: lets the collector run early.

Without a threshold the heap is collected only when it is full, which leaves it in splinters after
days of commands (MicroPython's guide "Maximising MicroPython speed", on ``gc.threshold``).
"""

import gc

if hasattr(gc, "mem_free"):  # CPython has no such heap
    gc.threshold(gc.mem_free() // 4 + gc.mem_alloc())
