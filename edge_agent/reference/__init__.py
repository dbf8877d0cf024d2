"""The reference, generated from the code: AsyncAPI, JSON Schemas, and pages for people."""
