"""The metric of DSL Debug, for `evaluate.load`.

dsl_debug/   the metric, the page of its Space, and its card: what is loaded in a checkout
publish.py   puts it on the Hub, together with the package that it needs; __main__.py is the command line
"""
