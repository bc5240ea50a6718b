module openkasugai.local/artifacts/ca-server

go 1.21
