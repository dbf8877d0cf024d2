"""Keep a camera's compressed pictures coming, whatever the camera and the network do."""
