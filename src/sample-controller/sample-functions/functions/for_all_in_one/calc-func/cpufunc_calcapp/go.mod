module calcapp

go 1.21
