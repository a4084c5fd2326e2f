"""Makes state directories as gateways of old releases write them, with a model that only echoes."""
