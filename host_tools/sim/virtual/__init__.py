"""Boards in this process, in virtual time: a clock that jumps to whatever is next."""
