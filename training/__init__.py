"""Training: ``accelerate launch training/train.py RECIPE [key=value ...]``."""
