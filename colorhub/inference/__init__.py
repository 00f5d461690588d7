"""Inference: what happens between a photo and a model, one step a file.

:mod:`preprocess` makes what a network sees of a photo, :mod:`resize` its sizes, :mod:`runtime` runs a model on its
device, for a long picture through :mod:`windows`, :mod:`views` and :mod:`sampling` make one answer of several and
several of one, :mod:`batches` takes several photos together, and :mod:`layer` puts colours onto the photo by
:mod:`compose`. Only :mod:`colorhub.pipeline` puts these steps together; everybody else calls the pipeline's stages.
"""
