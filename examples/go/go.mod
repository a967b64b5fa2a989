module guanxi.example/salesday

go 1.19
