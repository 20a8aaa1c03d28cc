"""The workbench: pages to write, read, rate and compare impressions, made on the server, without any other host."""
