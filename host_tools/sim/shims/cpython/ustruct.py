"""``struct`` under its older name."""

from struct import *  # noqa: F403
