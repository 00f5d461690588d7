"""The design of a study: ``study.toml``, its size, who sees what, the frozen manifest, the preregistration."""
