"""The sections of a report: for each, a module that computes every value its template shows.

The words are in templates/report, in the template named like the module. A module reads
`Measurements` and depends neither on Jinja nor on a language; a section without values has no
module.
"""
