"""Whatever happens to the pods of a gang, in whatever order and however late it is seen."""

from contextlib import suppress

from gang_machine import AnyGang
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
)
from job_world import JOB, ConflictError

from mlctl_core.objects.kinds import NODE, POD
from mlctl_core.reconcile.changes import Create


class AnyDelayOfAGang(AnyGang):
    """The same with caches that lag, each kind by itself, and managers that take over.

    A deposed manager's requests may come at any later time. The creation of a pod is not among
    them: where its name is free again, only a fence at the server could keep it out.
    """

    def __init__(self):
        super().__init__()
        self.parked = []

    @rule(kind=st.sampled_from([JOB, POD, NODE]))
    def events_are_held_back(self, kind):
        self.world.hold_back(kind)

    @rule(kind=st.sampled_from([JOB, POD, NODE]), events=st.sampled_from([1, 3, None]))
    def events_arrive(self, kind, events):
        if kind in self.world.held:
            self.world.catch_up(kind, events)

    @rule(silent=st.booleans())
    def server_answers_questions_or_not(self, silent):
        self.world.silent = silent

    @rule()
    def controller_looks(self):
        self.reconcile()

    @rule()
    def controller_settles(self):
        for _ in range(8):
            self.reconcile()

    def reconcile(self):
        try:
            self.world.reconcile()
        except ConflictError:
            self.world.own_writes = {}

    @rule(sent=st.integers(0, 4))
    def another_takes_over_from_one_that_still_has_to_send(self, sent):
        world = self.world
        world.see_own_writes()
        changes = [c for c in world.pending(world.plan()) if world.refusal(c) is None]
        for change in changes[:sent]:
            self.send(change)
        self.parked += [c for c in changes[sent:] if not isinstance(c, Create) or c.kind != POD]
        world.fail_over()

    @precondition(lambda self: self.parked)
    @rule(data=st.data())
    def late_request_arrives(self, data):
        number = data.draw(st.integers(0, len(self.parked) - 1))
        self.send(self.parked.pop(number))

    def send(self, change):
        with suppress(ConflictError):
            self.world.write(change)


TestAnyGang = AnyGang.TestCase


TestAnyGang.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


TestAnyDelayOfAGang = AnyDelayOfAGang.TestCase


TestAnyDelayOfAGang.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
