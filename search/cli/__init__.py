"""The command line: verbs, options and exit codes; what they do stands elsewhere."""
