"""The cases, by topic. Each module has a CONFIGURATION and CASES; its docstring becomes `about` in the file."""
