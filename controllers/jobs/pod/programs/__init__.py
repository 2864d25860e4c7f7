"""Programs that steps of a job run in the framework's own image, by its Python.

They reach the pod as text in its command. Images are as old as the frameworks in them, so these
modules keep to what Python 3.5 understands and to its library, and import nothing of ours; here
they are imported by tests alone.
"""
