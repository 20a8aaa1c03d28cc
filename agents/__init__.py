"""coarse2fine agents."""
