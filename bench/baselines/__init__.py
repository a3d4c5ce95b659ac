"""What Photogram's cost is compared with, each under the same gunicorn and on the same rows."""
