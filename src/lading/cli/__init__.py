"""The command line: arguments in, values out as text or JSON. One verb a file; no decisions."""
