"""coarse2fine serving."""
