"""Runs sweeps: `sweep_run` puts together what a sweep consists of; `shown` shows it on a console."""
