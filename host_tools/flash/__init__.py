"""MicroPython onto boards: the firmware file, what must be true before, the writing, the proof."""
