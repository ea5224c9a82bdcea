"""The environments as services: a plain HTTP API, OpenEnv, and tools for agents (MCP).

problems.py   the problems that are played, of both environments
"""
