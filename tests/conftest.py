"""What every test runs under."""

from __future__ import annotations

from hypothesis import settings

# The same examples at every run: a red test is a change, never luck. To look for new ones:
# pytest --hypothesis-profile=explore
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("steady")
