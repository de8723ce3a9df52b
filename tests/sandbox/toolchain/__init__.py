"""Tests of finding and building the programs."""
