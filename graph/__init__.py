"""coarse2fine graph."""
