module wrapper

go 1.23
