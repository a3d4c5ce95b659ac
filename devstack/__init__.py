"""Servers for development and tests: PostgreSQL, Valkey and SeaweedFS, from wheels.

No app imports this package. In production the environment names the servers.
"""
