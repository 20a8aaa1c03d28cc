"""One module for each command of `coarse2fine`; each loads what it needs when it runs."""
