# Effects in all conditions, and in the first half only, among null units.
learning_data <- function(J = 400, R = 4, share = 0.3, seed = 1) {
  set.seed(seed)
  B <- matrix(0, J, R, dimnames = list(paste0("u", 1:J), letters[R:1]))
  on <- which(runif(J) < share)
  B[on, ] <- 4 * rnorm(length(on)) + rnorm(length(on) * R)
  B[on[seq(1, length(on), 2)], seq_len(R / 2)] <- 0
  list(B = B, Bhat = B + rnorm(J * R))
}

test_that("the prior is of the data's conditions and units, and says how it was learnt", {
  d <- learning_data()
  data <- mash_set_data(d$Bhat)
  prior <- learn_prior(data, n_threads = 1)
  expect_s3_class(prior, "mnmash_prior")
  expect_identical(dimnames(prior)[[1]], colnames(d$Bhat))
  expect_identical(prior$units, "z")
  expect_equal(sum(prior$w) + prior$null_weight, 1)
  expect_identical(prior$learnt$by, "learn_prior")
  expect_identical(prior$learnt$n_random, 400L)
  z <- apply(abs(d$Bhat), 1, max)
  expect_identical(prior$learnt$n_strong, sum(z > 4))
  expect_identical(prior$learnt$few, sum(z > 4) < 40)
  expect_true(prior$convergence$converged)
  # The density that was fitted: the weights are at their optimum.
  m <- mash(mash_update_data(data, V = prior$V), g = prior, verbose = FALSE)
  fixed <- mash(mash_update_data(data, V = prior$V), g = prior, fixg = TRUE, verbose = FALSE)
  expect_equal(m$loglik, fixed$loglik, tolerance = 1e-6)
  expect_identical(prior$V, residual_correlation(data, "corrected"))
})

test_that("a prior may stand where the matrices do", {
  d <- learning_data(200)
  data <- mash_set_data(d$Bhat)
  prior <- learn_prior(data, V = diag(4), n_threads = 1)
  expect_equal(
    mash(data, prior, verbose = FALSE)$vloglik, mash(data, g = prior, verbose = FALSE)$vloglik
  )
  expect_error(mash(data, prior, grid = 1), "not both", class = "mnmash_error_argument")
})

test_that("without a prior mash() learns the same matrices, and fits their weights to all units", {
  d <- learning_data()
  data <- mash_set_data(d$Bhat)
  m <- mash(data, verbose = FALSE, n_threads = 1)
  prior <- learn_prior(data, V = diag(4), n_threads = 1)
  fixed <- mash(data, g = prior, fixg = TRUE, verbose = FALSE)
  expect_equal(m$loglik, fixed$loglik, tolerance = 1e-8)
  expect_equal(get_lfsr(m), get_lfsr(fixed), tolerance = 1e-6)
  U <- names(m$fitted_g$Ulist)
  for (learnt in c("^identity$", "^equal_", "^ud_[0-9]+$", "^shrunk_[0-9]+$", "_mask", "^branch_")) {
    expect_match(U, learnt, all = FALSE)
  }
})

test_that("neither order nor unit has a say in what is learnt", {
  d <- learning_data(300)
  S <- matrix(exp(sin(1:1200) / 2), 300, dimnames = dimnames(d$Bhat))
  B <- d$Bhat * S
  learn <- \(B, S, ...) learn_prior(mash_set_data(B, S), n_threads = 1, ...)
  blocks <- stats::setNames(rep(1:100, each = 3), rownames(B))
  one <- learn(B, S, blocks = blocks)
  loglik <- \(prior, B, S) sum(mash_compute_vloglik(
    as_mashr(prior), mash_set_data(B, S, V = prior$V)
  ))
  rows <- order(sin(1:300))
  columns <- c(2, 4, 1, 3)
  two <- learn(B[rows, columns], S[rows, columns], blocks = blocks)
  expect_equal(loglik(two, B[, columns], S[, columns]), loglik(one, B, S), tolerance = 1e-7)
  expect_equal(two$null_weight, one$null_weight, tolerance = 1e-5)
  three <- learn(1000 * B, 1000 * S, blocks = blocks)
  expect_equal(
    loglik(three, 1000 * B, 1000 * S) + length(B) * log(1000), loglik(one, B, S), tolerance = 1e-7
  )
})

test_that("of each block one strong and one random unit are used", {
  d <- learning_data(400)
  data <- mash_set_data(d$Bhat)
  blocks <- rep(1:40, each = 10)
  rows <- mnmash:::learning_rows(data, NULL, mnmash:::block_numbers(blocks, data), 4, 1)
  z <- apply(abs(d$Bhat), 1, max)
  top <- unname(vapply(split(1:400, blocks), \(i) i[which.max(z[i])], 0L))
  expect_setequal(rows$strong, top[z[top] > 4])
  # Where hardly any is strong, the strongest are.
  none <- mnmash:::learning_rows(data, NULL, mnmash:::block_numbers(blocks, data), 20, 1)
  expect_setequal(none$strong, top)
  expect_identical(unname(table(blocks[rows$random])), unname(table(1:40)))
  expect_identical(rows$above, sum(tapply(z, blocks, max) > 4))
  expect_identical(order(-z[rows$strong]), seq_along(rows$strong))
  # Named blocks are matched, may be of more units, and a unit without one is a block by itself.
  named <- stats::setNames(c(blocks, 1), c(rownames(d$Bhat), "another"))
  expect_message(found <- mnmash:::block_numbers(rev(named), data), "400 of its 401 units")
  expect_identical(found[1:10] == found[1], rep(TRUE, 10))
  found <- mnmash:::block_numbers(replace(blocks, 1:2, NA), data)
  expect_identical(length(unique(found)), 42L)
  expect_error(learn_prior(data, blocks = 1:3), "of 400 units", class = "mnmash_error_dimension")
})

test_that("strong units may come apart, with their conditions in another order", {
  d <- learning_data()
  data <- mash_set_data(d$Bhat)
  z <- apply(abs(d$Bhat), 1, max)
  apart <- learn_prior(data, mash_set_data(d$Bhat[z > 4, 4:1]), V = diag(4), n_threads = 1)
  within <- learn_prior(data, strong = z > 4, V = diag(4), n_threads = 1)
  expect_equal(apart$U, within$U)
  expect_equal(apart$w, within$w)
  expect_error(
    learn_prior(data, mash_set_data(d$Bhat, 2 + 0 * d$Bhat)), "units of `data`",
    class = "mnmash_error_units"
  )
  expect_error(
    learn_prior(mash_update_data(data, ref = 1)), "contrasts", class = "mnmash_error_unsupported"
  )
})

test_that("errors that look correlated where V is the identity, and few units, are said", {
  set.seed(2)
  V <- 0.6 + diag(0.4, 3)
  noise <- mash_set_data(matrix(rnorm(1500), 500) %*% chol(V))
  expect_warning(
    mash(noise, verbose = FALSE), "taken as independent", class = "mnmash_warning_identity"
  )
  expect_no_warning(learn_prior(noise, n_threads = 1))
  expect_warning(
    expect_warning(
      learn_prior(mash_set_data(matrix(rnorm(24), 8)), V = diag(3)), "8 strong units",
      class = "mnmash_warning_few"
    ),
    "8 random units", class = "mnmash_warning_few"
  )
  expect_no_warning(mash(mash_set_data(learning_data()$Bhat), verbose = FALSE))
  few <- suppressWarnings(learn_prior(mash_set_data(learning_data(60)$Bhat), n_threads = 1))
  expect_output(print(few), "few for 4 conditions")
})

test_that("neighbours that agree are said to be linked, unless their blocks are given", {
  set.seed(4)
  block <- rep(1:80, each = 5)
  z <- sqrt(0.5) * matrix(rnorm(320), 80)[block, ] + sqrt(0.5) * matrix(rnorm(1600), 400)
  data <- mash_set_data(z)
  expect_warning(mash(data, verbose = FALSE), "correlated", class = "mnmash_warning_linked")
  expect_warning(learn_prior(data, n_threads = 1), class = "mnmash_warning_linked")
  expect_no_warning(learn_prior(data, blocks = block, n_threads = 1))
  # In another order they are no neighbours; correlated conditions are no linkage.
  set.seed(5)
  expect_no_warning(mnmash:::warn_linked(mash_set_data(z[sample(400), ])))
  V <- 0.8 + diag(0.2, 4)
  expect_no_warning(mnmash:::warn_linked(mash_set_data(matrix(rnorm(4000), 1000) %*% chol(V))))
})

test_that("one condition, and data with missing cells, are learnt from", {
  d <- learning_data(300)
  one <- mash(mash_set_data(d$Bhat[, 1]), verbose = FALSE)
  expect_identical(names(one$fitted_g$Ulist), "identity")
  gone <- replace(d$Bhat, cbind(1:300, rep(1:4, 75)), NA)
  m <- mash(mash_set_data(gone), verbose = FALSE)
  expect_true(all(is.finite(get_lfsr(m))))
})
