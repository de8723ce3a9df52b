"""The routes of the emulated API, one module for each part of GitHub's documentation."""
