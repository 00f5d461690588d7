"""Colouring on many machines: the photos of a folder or bucket are spread over a Ray cluster, by Ray Data.

Ray places the work, does it again where a process or a node is lost, and keeps the checkpoint (:mod:`run`); what is
done with a photo is what one machine does (:mod:`colorist`). Nothing of this room is loaded unless it is asked for.
"""

import os

# Before Ray is imported: nothing is sent to its makers, a driver that has ended does not start a cluster by itself, and
# what is no error for people stays in Ray's own log.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
