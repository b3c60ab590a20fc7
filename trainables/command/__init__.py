"""The recipe `command`: any training that is a command line, declared in the sweep file."""
