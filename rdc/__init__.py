"""RDC Atlas: the rate-distortion-classification tradeoff in lossy image compression."""
