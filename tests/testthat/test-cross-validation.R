data <- random_data(3, J = 30, missing = 0.2, V = correlated(3))
sets <- list(narrow = list(identity = diag(3)), wide = small_prior(3))

test_that("held-out log-likelihoods are those of units under a prior fitted to the others", {
  folds <- rep(c("a", "b", "c"), 10)
  found <- mash_cv(data, sets, folds = folds, grid = c(0.5, 2))
  for (fold in c("a", "c")) {
    m <- mash(
      data_rows(data, which(folds != fold)), sets$wide, grid = c(0.5, 2), verbose = FALSE
    )
    components <- slow_components(m$fitted_g$Ulist, c(0.5, 2))
    held <- data_rows(data, which(folds == fold))
    expect_equal(
      unname(found$vloglik[folds == fold, "wide"]),
      slow_vloglik(held, components, m$fitted_g$pi), tolerance = 1e-8
    )
  }
  expect_equal(found$loglik$loglik, unname(colSums(found$vloglik)))
  behind <- found$vloglik[, 1] - found$vloglik[, found$best]
  expect_equal(found$loglik$difference[1], sum(behind))
  expect_equal(found$loglik$se[1], sqrt(30) * sd(behind))
  expect_identical(found$loglik$matrices, lengths(sets, use.names = FALSE))
  expect_output(print(found), "30 units in 3 folds")
})

test_that("the set that made the data wins, and more matrices than that do not", {
  set.seed(1)
  sims <- simple_sims2(100, 0.5)
  both <- mash_set_data(sims$Bhat, sims$Shat)
  right <- list(a = tcrossprod(c(1, 1, 0, 0, 0)), b = tcrossprod(c(0, 0, 1, 1, 1)))
  found <- mash_cv(both, list(
    identity = list(diag(5)), right = right, canonical = cov_canonical(both)
  ))
  expect_identical(found$best, "right")
  table <- found$loglik
  expect_true(all(table$difference[-2] < -3 * table$se[-2]))
})

test_that("sets given as functions see the units of the fit only", {
  seen <- list()
  learn <- function(data) {
    seen[[length(seen) + 1]] <<- data$Bhat
    list(identity = diag(3))
  }
  folds <- rep(1:3, each = 10)
  mash_cv(data, list(learnt = learn), folds = folds)
  expect_length(seen, 3)
  expect_identical(seen[[2]], data$Bhat[folds != 2, ])
})

test_that("contrasts can be compared too", {
  plain <- random_data(3, J = 30)
  contrasts <- mash_update_data(plain, ref = 3)
  folds <- rep(1:2, 15)
  U <- list(identity = diag(2))
  found <- mash_cv(contrasts, list(one = U), folds = folds, grid = 1)
  m <- mash(data_rows(contrasts, which(folds == 2)), U, grid = 1, verbose = FALSE)
  L <- contrast_matrix(3, 3)
  for (j in c(1, 3)) {
    N <- L %*% diag(plain$Shat[j, ]^2) %*% t(L)
    expected <- slow_log_sum_exp(vapply(c(0, 1), \(w2) {
      slow_log_density(drop(L %*% plain$Bhat[j, ]), N + w2 * diag(2))
    }, 0) + log(m$fitted_g$pi))
    expect_equal(unname(found$vloglik[j, 1]), expected, tolerance = 1e-8)
  }
})

test_that("random folds are equal in size and follow R's seed", {
  set.seed(3)
  one <- mash_cv(data, sets["narrow"], folds = 4)
  set.seed(3)
  expect_identical(mash_cv(data, sets["narrow"], folds = 4), one)
  expect_setequal(table(one$folds), 7:8)
})

test_that("bad sets and folds are errors", {
  expect_error(mash_cv(data, small_prior(3)), class = "mnmash_error_type")
  expect_error(mash_cv(data, unname(sets)), "names", class = "mnmash_error_names")
  expect_error(mash_cv(data, sets, folds = 31), class = "mnmash_error_argument")
  expect_error(mash_cv(data, sets, folds = 1), class = "mnmash_error_argument")
  expect_error(mash_cv(data, sets, folds = rep(1, 30)), class = "mnmash_error_argument")
})

test_that("with a seed ud_cv() has the same folds whatever R's random numbers, and leaves them", {
  set.seed(1)
  data <- mash_set_data(simple_sims(nsamp = 10, ncond = 2, err_sd = 1)$Bhat)
  go <- \() {
    ud_cv(data, K = 2, penalty = "iw", folds = 3, seed = 7, refit = FALSE, max_iter = 3)$folds
  }
  before <- .Random.seed
  first <- go()
  expect_identical(.Random.seed, before)
  set.seed(2)
  expect_identical(go(), first)
})
