"""Pictures for training: where they come from, their labels and splits, augmentation, and the loader."""
