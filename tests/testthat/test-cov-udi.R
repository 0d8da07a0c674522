case <- readRDS(test_path("fixtures", "cov_canonical_pca.rds"))
data <- mash_set_data(case$input$Bhat, case$input$Shat, V = case$input$V_udi)

test_that("matrices of the models are those of the reference", {
  expect_equal(cov_udi(data, case$input$udi_models), case$output$udi, tolerance = 1e-10)
  strings <- apply(case$input$udi_models, 1, paste, collapse = "")
  expect_identical(cov_udi(data, strings), cov_udi(data, case$input$udi_models))
  expect_named(cov_udi(data, c("D", "U", "I", "D", "U")), "cov_udi_DUIDU")
})

test_that("indirect effects are the regression on direct ones, for any V", {
  set.seed(1)
  V <- crossprod(matrix(rnorm(100), 20)) / 20
  V <- cov2cor(V)
  found <- cov_udi(mash_set_data(matrix(rnorm(10), 2), V = V), "UDIID")[[1]]
  # Conditioning by the inverse of the whole: Cov(D | U), then E(I | D, U) by least squares.
  given_u <- solve(solve(V)[-1, -1])
  expect_equal(found[c(2, 5), c(2, 5)], given_u[c(1, 4), c(1, 4)])
  slope <- -solve(solve(V)[3:4, 3:4], solve(V)[3:4, c(2, 5)])
  expect_equal(found[3:4, c(2, 5)], slope %*% found[c(2, 5), c(2, 5)])
  expect_equal(found[3:4, 3:4], slope %*% found[c(2, 5), c(2, 5)] %*% t(slope))
  expect_identical(found[1, ], numeric(5))
})

test_that("all models come in the order of mashr, and each has a direct condition", {
  two <- cov_udi(mash_set_data(matrix(1:4, 2)))
  expect_named(two, paste0("cov_udi_", c("DU", "UD", "DD", "ID", "DI")))
  expect_length(cov_udi(data), 3^5 - 2^5)
  expect_identical(cov_udi(mash_set_data(1:3)), list(cov_udi_D = matrix(1)))
})

test_that("unusable models are named", {
  expect_error(cov_udi(data, c("U", "D", "X", "I", "I")), "\"X\".*column 3",
    class = "mnmash_error_value"
  )
  expect_error(cov_udi(data, c("UIIUU")), "row 1", class = "mnmash_error_value")
  expect_error(cov_udi(data, c("U", "D")), "5 conditions", class = "mnmash_error_dimension")
  expect_error(cov_udi(data, 1:5), class = "mnmash_error_type")
  expect_error(cov_udi(mash_set_data(matrix(1, 2, 11))), "175,099", class = "mnmash_error_argument")
  expect_error(cov_udi(mash_update_data(data, ref = 1)), "contrasts")
  by_unit <- mash_set_data(matrix(1, 2, 2), V = array(diag(2), c(2, 2, 2)))
  expect_error(cov_udi(by_unit), "one `V`", class = "mnmash_error_argument")
})
