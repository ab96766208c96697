"""Measurements of Wakecall's own speed, each a module to be run."""
