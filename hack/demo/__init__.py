"""`make demo`: one job from ten lines of YAML to Succeeded, on a control plane of its own."""
