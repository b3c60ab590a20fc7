"""Exports: a configuration in its recipe's own format, with a description by which it can be proven."""
