"""The chain of migrations: one script a step under `versions`, run by `hsid.store.migration`.

A new step is a file `versions/vNNNN_what_it_does.py` with `revision = "NNNN"` and `down_revision`
naming the one before; `hsid.store.migration.HEAD` is raised with it. Scripts use portable types,
and `op.batch_alter_table` for what SQLite can't alter in place. They never import
`hsid.store.schema`: a step describes the schema of its day, not today's. There is no way back but
the backup that is made before each migration.
"""
