"""A study on the Hub: backups of an open one, the published data of one that has ended."""
