"""``binascii`` under its older name."""

from binascii import *  # noqa: F403
