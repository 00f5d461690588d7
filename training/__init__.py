"""Training: ``accelerate launch training/train.py RECIPE [key=value ...]``."""

import sys

from colorhub._extras import MissingExtraError, require

try:
    require("train")
except MissingExtraError as missing:  # what is in here are programs: they end with the sentence
    sys.exit(str(missing))
