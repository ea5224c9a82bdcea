"""Cards of datasets, models, the Space and the metric: every figure comes from a file that a program wrote.

templates/     the texts, in Markdown with Jinja's marks
filling.py     puts facts into a template
render.py      the doors: the files of a model's card, the Space's card, the metric's card
record.py      what a training run wrote about itself (`training.json`)
model_folder.py  what a folder of a model holds, and which of it is published
weights.py     whether weights are all there
results.py     result files: tables, the model index, `.eval_results`
arguments.py   hyper-parameters as a table and as a config to run again
tax.py         what training cost elsewhere (`alignment_tax.json`)
provenance.py  licences of models and data, names on the Hub
public.py      what of a text or a record may be shown to everybody
push.py        a folder of a model becomes a repository on the Hub
cli.py         python -m model_cards render | push
"""
