"""What Alembic runs to reach the database: the connection and transaction of its caller."""

from alembic import context

from hsid.store.migration import VERSION_TABLE
from hsid.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    on_version_apply=context.config.attributes.get("on_step"),
)
context.run_migrations()
