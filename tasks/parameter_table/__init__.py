"""The parameter table, for people and programs.

graph  declares parameters and configure
show   shows the table and writes it to the user's file
"""
