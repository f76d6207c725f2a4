"""`make search`: what the default network could be instead, each choice trained for the same time, in a table.

Every run is the default preset with one thing changed, begins from nothing and sees the same ground.
"""
