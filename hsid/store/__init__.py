"""The database: schema, migrations, the one writer, and what is read and written there."""
