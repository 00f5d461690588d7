"""What ``colorhub colorize`` and its kin do with buckets, manifests, layers and a cluster."""
