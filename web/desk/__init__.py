"""The desk: a small web application in front of a database with hwr (doc/desk.md)."""
