"""coarse2fine src/coarse2fine."""
