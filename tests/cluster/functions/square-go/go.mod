module square

go 1.21
