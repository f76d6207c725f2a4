"""`make experiments`: what each cure does to the training of two networks against each other, and each objective.

Runs that differ in one thing train from the same weights on the same pictures; their logs and samples are compared.
"""
