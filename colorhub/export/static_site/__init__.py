"""A folder of static files which, from any web server, colours photos in the visitor's browser.

:mod:`writing` puts it together; ``site/`` is the page, and in ``site/engine/`` what works in a worker behind it.
"""
