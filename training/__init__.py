"""coarse2fine training."""
