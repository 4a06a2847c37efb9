"""Networks and the devices they run on."""
