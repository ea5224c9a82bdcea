"""The Space: people play, replay and compare debugging episodes, and agents play over MCP or HTTP.

launch.py      starts the app; __main__.py is its command line
publish.py     puts the app on the Hub
library.py     what there is to play and to show: problems, traces and results
flow.py        a program as steps: what reads what, and the program up to a step
handlers/      what a visitor does: session in, session and facts out; nothing here knows Gradio
views/         facts in, HTML out; every text of a visitor, a model or a dataset is escaped
leaderboard.py the tables and plots of the tab Results
ui/            wiring: one file a tab, components and events, no decisions
about/         the texts of the tab About
assets/        the style, the editor and the other scripts of the page
sample/        the problems, traces and results that come with the app; sample.py makes them
"""
