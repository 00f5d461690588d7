"""The tab Colorize: one photo with a before/after slider, several photos with a zip, and the public endpoint."""
