"""A report's sections: for each, a module with every value that its template shows.

The words stand in templates/report, in the template of the module's own name. A module reads
`Measurements` and knows neither Jinja nor languages; a section without values has no module.
"""
