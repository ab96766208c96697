"""The REST API: FastAPI for what is managed, plain ASGI for what must be fast."""
