test_that("log-likelihoods of the components are those of the reference", {
  for (name in c(complete_cases, missing_cases)) {
    case <- mash_case(name)
    loglik <- loglik_matrix(case_data(case), case_prior(case), 1L)
    expect_lt(
      relative_difference(loglik[case$output$rows, ], case$output$loglik_rows), 1e-9,
      label = name
    )
  }
})

test_that("log-likelihoods equal the direct computation for every kind of noise", {
  for (R in c(1, 2, 3, 9)) {
    prior <- list(Ulist = small_prior(R), grid = c(0.1, 1, 4), usepointmass = TRUE)
    components <- slow_components(prior$Ulist, prior$grid)
    for (V in list(diag(R), correlated(R), by_unit(R))) {
      for (alpha in c(0, 0.5, 1)) {
        for (missing in if (R > 1) c(0, 0.3) else 0) {
          data <- random_data(R, missing = missing, alpha = alpha, V = V)
          found <- unname(loglik_matrix(data, prior, 1L))
          expected <- slow_loglik(data, components)
          expect_lt(relative_difference(found, expected), 1e-10)
        }
      }
    }
  }
})

test_that("a single unit, a zero scale and a zero matrix are no exception", {
  data <- random_data(3)
  one <- mash_set_data(data$Bhat[1, , drop = FALSE], data$Shat[1, , drop = FALSE])
  prior <- list(
    Ulist = list(null = matrix(0, 3, 3), id = diag(3)), grid = c(0, 2), usepointmass = FALSE
  )
  components <- slow_components(prior$Ulist, prior$grid, FALSE)
  expect_equal(unname(loglik_matrix(one, prior, 1L)), slow_loglik(one, components))
})

test_that("effects of 1e8 standard errors have finite log-likelihoods", {
  data <- mash_set_data(matrix(c(1e8, -1e8, 1, 2), 2), 1)
  prior <- list(Ulist = small_prior(2), grid = c(0.1, 1), usepointmass = TRUE)
  found <- unname(loglik_matrix(data, prior, 1L))
  expect_true(all(is.finite(found)))
  expected <- slow_loglik(data, slow_components(prior$Ulist, prior$grid))
  expect_lt(relative_difference(found, expected), 1e-9)
})

test_that("the number of threads does not change a bit", {
  data <- random_data(5, J = 200, missing = 0.2, V = correlated(5))
  prior <- list(Ulist = small_prior(5), grid = c(0.1, 1, 4), usepointmass = TRUE)
  expect_identical(loglik_matrix(data, prior, 1L), loglik_matrix(data, prior, 2L))
})
