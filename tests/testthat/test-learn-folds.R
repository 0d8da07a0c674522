shared_effects <- function(J = 400, R = 4, seed = 1) {
  set.seed(seed)
  B <- matrix(0, J, R, dimnames = list(paste0("u", seq_len(J)), letters[seq_len(R)]))
  on <- which(runif(J) < 0.3)
  B[on, ] <- 3 * rnorm(length(on)) + 0.5 * rnorm(length(on) * R)
  list(B = B, Bhat = B + rnorm(J * R))
}

test_that("posteriors of a part of the units are under the prior that the others teach", {
  d <- shared_effects()
  data <- mash_set_data(d$Bhat)
  block <- rep(1:200, each = 2)
  learn <- \(...) suppressWarnings(
    learn_prior(..., V = diag(4), K = 3, tree = FALSE, nsim = 0, n_threads = 1)
  )
  prior <- learn(data, blocks = block, folds = 4)
  fold <- prior$held_out$fold
  expect_named(fold, rownames(d$Bhat))
  expect_equal(as.vector(table(fold)), rep(100, 4))
  # Blocks stay together.
  expect_identical(unname(fold[c(TRUE, FALSE)]), unname(fold[c(FALSE, TRUE)]))
  m <- mash(data, g = prior, fixg = TRUE, verbose = FALSE, posterior_samples = 2)
  for (f in c(1, 4)) {
    others <- learn(mash_set_data(d$Bhat[fold != f, ]), blocks = block[fold != f])
    own <- mash(
      mash_set_data(d$Bhat[fold == f, ]), g = others, fixg = TRUE, verbose = FALSE
    )
    expect_equal(get_pm(m)[fold == f, ], get_pm(own))
    expect_equal(get_lfsr(m)[fold == f, ], get_lfsr(own))
  }
  expect_identical(dim(get_samples(m)), c(400L, 4L, 2L))
  plain <- learn(data, blocks = block)
  expect_identical(plain$w, prior$w)
  expect_equal(get_loglik(m), get_loglik(mash(data, g = plain, fixg = TRUE, verbose = FALSE)))
  expect_gt(max(abs(get_pm(m) - get_pm(mash(data, g = plain, fixg = TRUE, verbose = FALSE)))), 0)
  expect_output(print(m), "each of 4 parts")
  expect_output(print(prior), "each of 4 parts")
  # A unit's own data have no say in its prior.
  changed <- d$Bhat
  at <- which(fold == 2)[1]
  changed[at, ] <- 0.7 * changed[at, ]
  again <- learn(mash_set_data(changed), blocks = block, folds = 4)
  expect_identical(again$held_out$fold, fold)
  expect_identical(again$held_out$priors[[2]]$U, prior$held_out$priors[[2]]$U)
})

test_that("parts go by the names of units, and to their conditions", {
  d <- shared_effects(300)
  data <- mash_set_data(d$Bhat)
  learn <- \(x, ...) suppressWarnings(
    learn_prior(x, V = diag(4), K = 3, nsim = 0, n_threads = 1, folds = 3, ...)
  )
  prior <- learn(data)
  other <- sample(300)
  shuffled <- learn(mash_set_data(d$Bhat[other, ]))
  expect_identical(shuffled$held_out$fold[names(prior$held_out$fold)], prior$held_out$fold)
  fit <- \(x, g) mash(x, g = g, fixg = TRUE, verbose = FALSE)
  m <- fit(data, prior)
  expect_equal(get_lfsr(fit(mash_set_data(d$Bhat[other, ]), prior))[rownames(d$Bhat), ], get_lfsr(m))
  expect_equal(
    get_pm(fit(mash_set_data(d$Bhat[, c("c", "a")]), prior)),
    get_pm(fit(mash_set_data(d$Bhat[, c("c", "a")]), prior[c("c", "a")]))
  )
  expect_error(fit(mash_set_data(d$Bhat[1:9, ]), prior), "fold", class = "mnmash_error")
  broken <- prior
  broken$held_out$priors[[2]] <- "none"
  expect_error(fit(data, broken), "held_out", class = "mnmash_error_type")
  # Strong units as rows of the data.
  top <- order(-apply(abs(d$Bhat), 1, max))[1:60]
  given <- learn(data, strong = top)
  expect_lt(given$held_out$priors[[1]]$learnt$n_units, 60)
})

test_that("mash learns in parts without a prior", {
  d <- shared_effects(240, 3)
  data <- mash_set_data(d$Bhat)
  quiet <- \(...) suppressWarnings(mash(data, verbose = FALSE, n_threads = 1, ...))
  whole <- quiet()
  m <- quiet(folds = 2)
  expect_equal(get_loglik(m), get_loglik(whole))
  expect_equal(m$fitted_g$pi, whole$fitted_g$pi)
  expect_gt(max(abs(get_pm(m) - get_pm(whole))), 0)
  # Its parts are those of learn_prior().
  prior <- suppressWarnings(learn_prior(data, V = data$V, folds = 2, n_threads = 1))
  same <- mash(data, g = prior, fixg = TRUE, verbose = FALSE)
  expect_equal(get_pm(m), get_pm(same))
  expect_equal(get_lfsr(m), get_lfsr(same))
  expect_error(quiet(folds = 1), "folds", class = "mnmash_error_argument")
  expect_error(quiet(folds = 300), "folds", class = "mnmash_error_argument")
  expect_error(quiet(Ulist = cov_canonical(data), folds = 2), "folds", class = "mnmash_error_argument")
})
