module openkasugai.local/artifacts/pause

go 1.21
