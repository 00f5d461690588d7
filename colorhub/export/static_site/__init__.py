"""A folder of static files which, from any web server, colours photos in the visitor's browser."""

from colorhub.export.static_site.writing import SiteModel, expect_free, site_files, write_site

__all__ = ["SiteModel", "expect_free", "site_files", "write_site"]
