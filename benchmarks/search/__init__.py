"""`make search`: what the default network could be instead, each choice trained for the same time, in a table.

Every run is the default preset with one thing changed, and what that needs; all begin from nothing on the same ground.
"""
