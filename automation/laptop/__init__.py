"""Access from a laptop: the key that stays there, its request, the certificate that comes back."""
