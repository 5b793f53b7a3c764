"""Real nodes, real clients, and somebody who breaks what is around them: script/torture.

`python3 -m torture`, with tests/, tests/e2e/ and tests/servers/ in PYTHONPATH. One *round* is a store of its own,
nodes and clients on it, faults for some seconds, and the judgement of all that was seen.
"""
