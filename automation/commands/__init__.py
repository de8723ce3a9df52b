"""The subcommands of `tenancy`, one file each."""
