"""The environments as services: a plain HTTP API, OpenEnv, and tools for agents (MCP). See docs/serving.md.

launch.py               the command line, `python -m servers`: options in, addresses out
app.py                  one app of all that follows, in one process
problems.py             the problems that are played, of both environments
http_api.py             the plain HTTP API: what each of its routes does
http_routes.py          its routes as a table, with the errors that each declares
http_models.py          what it takes and gives, as its OpenAPI document describes it
http_views.py           from problems and episodes to what it sends
http_errors.py          every error in one form
http_limits.py          bytes of a request, calls at a time, and who waits
openenv_app.py          the OpenEnv server of one environment, alone or mounted
openenv_gate.py         how many steps work at a time
openenv_limits.py       what is taken out of OpenEnv's server
protocol.py             how connections begin and end: headers in time, a quiet end
openenv_environments.py both environments as OpenEnv knows them
openenv_models.py       actions, observations and states of OpenEnv
client.py               typed clients of the OpenEnv servers
mcp.py                  both environments as tools for agents
verifiers/              a package for the verifiers library and the Environments Hub
openenv.yaml, arena/openenv.yaml  manifests of the two environments; Dockerfile: the whole server
"""
