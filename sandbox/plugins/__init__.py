"""Provider plugins and language host: the official ones, else stand-ins that behave like them."""
