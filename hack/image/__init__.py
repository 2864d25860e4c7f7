"""Builds the image of the manager without a container engine, from this very interpreter.

    python -m hack.image --archive build/manager.tar    an OCI archive, which docker loads too
                                                        (make image)
    python -m hack.image --root DIRECTORY               its root file system, for a Containerfile

Promises that the image holds an interpreter, its standard library, what requirements/image.txt
locks and the application, and nothing to start anything else with: no shell, no package manager.
Promises the same bytes for the same inputs: this interpreter and its libraries, the lock, the
tree and SOURCE_DATE_EPOCH. Does not promise the same bytes on two machines, whose interpreters
and C libraries differ; a registry's base image would not be theirs either.

Runs on Linux with glibc, under any Python that the project supports and with nothing but pip
installed, since that is all that a Containerfile's first stage has.
"""
