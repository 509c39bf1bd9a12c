"""Put hand-derived gradients on trial against autograd: the library of the pipeline's stages."""
