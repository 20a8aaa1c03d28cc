"""coarse2fine evals."""
