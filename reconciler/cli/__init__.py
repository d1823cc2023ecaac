"""The command line: a file per command. Flags, wiring, exit codes; the only printer."""
