"""Print the names of the benchmarks, one a line."""

import pkgutil

import benchmarks

for module in pkgutil.iter_modules(benchmarks.__path__):
    if not module.name.startswith("_"):
        print(module.name)
