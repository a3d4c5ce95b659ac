"""The servers of a development machine and of the tests: PostgreSQL, Valkey and SeaweedFS, from wheels.

No app imports this package; production names its own servers in the environment.
"""
