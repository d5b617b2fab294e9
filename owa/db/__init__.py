"""The database: engine, transactions, bulk writes, migrations, and the tables that no single stage owns."""
