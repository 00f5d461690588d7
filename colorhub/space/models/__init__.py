"""The tab Models: scores as tables and plots, and each model's card."""
