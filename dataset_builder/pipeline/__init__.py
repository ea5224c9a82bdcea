"""How a build is cut into jobs, carried out, resumed and put together."""
