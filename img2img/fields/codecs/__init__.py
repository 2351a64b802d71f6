"""Decoders and encoders behind `data.images`: what each format holds, exactly."""
