"""coarse2fine training/corpus."""
