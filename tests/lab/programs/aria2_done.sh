#!/bin/sh
# aria2's hook for a finished download: notes the moment. aria2 says the number of the download, of files, and a path.
echo "done $(date +%s.%3N)"
