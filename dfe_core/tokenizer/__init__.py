"""The RVQ-VAE: encoder, residual quantizer with one shared codebook, additive decoder."""
