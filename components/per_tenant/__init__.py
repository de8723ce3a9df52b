"""What each tenant has: one module for each component."""
