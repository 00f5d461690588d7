"""The tab Retouch: say which colour a thing has by clicking on it, and see it spread."""
