"""What OWA is measured against: the code that one would write without it, honest of its kind.

Frozen: changed in commits of their own, and never together with what is measured. Nothing of OWA is imported here, so
that a change of OWA moves one side of a ratio only.
"""
