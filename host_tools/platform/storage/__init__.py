"""Durable state: tables, migrations, and the queries on them."""
