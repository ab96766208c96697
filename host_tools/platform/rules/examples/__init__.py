"""Whole rules files, each to be given to ``wakecall up --rules``."""
