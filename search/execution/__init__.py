"""Runs trials on Ray: a private Ray on this machine, a cluster, or a job of a cluster."""
