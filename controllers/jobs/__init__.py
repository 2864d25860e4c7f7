"""What all batch kinds share: names, pod template parts, state machine, restart policy."""
