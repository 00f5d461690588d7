"""The tab Compare: one photo through several models, side by side, and as a contact sheet."""
