"""Laptop access to a GPU tenancy."""
