library(testthat)
library(mnmash)

test_check("mnmash")
