"""Information-theoretic limits of rate-distortion-classification."""
