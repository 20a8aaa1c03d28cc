"""coarse2fine app."""
