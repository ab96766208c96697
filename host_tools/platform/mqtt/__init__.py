"""The MQTT transport: one asyncio protocol per connection, one session above it."""
