"""Cards of models, of the Space and of the metric, rendered from result files and configs."""
