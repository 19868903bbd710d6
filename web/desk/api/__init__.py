"""REST under /api: a router a page."""
