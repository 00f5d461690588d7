"""A folder of static files which, from any web server, colours photos in the visitor's browser.

Not public yet: the engine and the build are here (:mod:`writing`), the page is not.
"""
