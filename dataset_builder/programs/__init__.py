"""Parts of synthesis: shapes as a table, the steps that they are made of, a quick look at neighbours."""
