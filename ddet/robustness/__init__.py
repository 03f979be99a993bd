"""What scores are worth on footage that is compressed, blurred, shrunk or noisy, and on which people."""
