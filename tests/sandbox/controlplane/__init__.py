"""Tests of the control plane and its processes."""
