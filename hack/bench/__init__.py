"""What the manager costs, measured on a control plane of its own.

Not part of the tests: figures depend on the machine. What does not, the number of writes, is a
test as well.
"""
