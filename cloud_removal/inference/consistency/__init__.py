"""Whether a predicted ground fits what the sensor saw: put back under the cloud, it has to show the input again."""
