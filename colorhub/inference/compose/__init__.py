"""Put a small colour layer onto a full-size lightness: edge-following chroma, vividness, gamut.

The colour layer knows the lightness it was predicted from, so around every one of its pixels colour can be written as a
straight line over lightness (the local linear model of He et al. 2010, "Guided image filtering", equations 5 and 6).
The coefficients are smooth and are interpolated; the photo's own lightness then says where, between two pixels of the
layer, the colour changes. :mod:`tensors` is this in plain tensor code, for any device; :mod:`codes` gives the same
answer on a processor in a fraction of the time, from grey codes to sRGB codes.
"""

from colorhub.inference.compose.codes import compose_codes
from colorhub.inference.compose.tensors import compose, compose_rows, edge_maps, widen

__all__ = ["compose", "compose_codes", "compose_rows", "edge_maps", "widen"]
