"""The cases, by theme. Each module has a CONFIGURATION and CASES; its docstring goes into the file."""
