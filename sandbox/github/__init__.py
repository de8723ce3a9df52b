"""An emulator of the part of the GitHub REST API that the program uses."""
