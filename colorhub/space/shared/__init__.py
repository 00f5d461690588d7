"""What the tabs share: the catalogue of models, jobs on photos, sessions, limits, settings, and how the page looks."""
