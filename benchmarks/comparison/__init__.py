"""Networks that take clouds away, each trained for the same time on the same ground, judged on the same pictures."""
