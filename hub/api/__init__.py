"""`/api/v1`: what the pages do, for programs. Documented by its own OpenAPI, see docs/hub-api.md."""
