# What a prior knows, keeps, and gives up: conditions, units, margins.

cn <- c("liver", "lung", "skin", "brain")

named_prior <- function(seed = 1) {
  withr::local_seed(seed)
  U <- lapply(1:3, \(k) {
    u <- tcrossprod(matrix(rnorm(4 * k), 4))
    dimnames(u) <- list(cn, cn)
    u
  })
  names(U) <- c("a", "b", "c")
  # Zero in liver and skin.
  U$d <- matrix(0, 4, 4, dimnames = list(cn, cn))
  U$d[c("lung", "brain"), c("lung", "brain")] <- c(2, 1, 1, 2)
  as_prior(list(U = U, w = c(0.2, 0.1, 0.3, 0.25), null_weight = 0.15, effect_model = "EZ"))
}

# log density of effects plus noise under the prior, by the formula.
density_under <- function(prior, x, S) {
  parts <- vapply(seq_along(prior$U), \(k) {
    prior$w[[k]] * exp(slow_log_density(x, unname(prior$U[[k]]) + S))
  }, 0)
  log(sum(parts) + prior$null_weight * exp(slow_log_density(x, S)))
}

test_that("a margin is the density of a part of the vector, integrated over the rest", {
  prior <- named_prior()
  part <- prior[c("skin", "liver")]
  expect_identical(dimnames(part), list(c("skin", "liver"), c("a", "b", "c")))
  expect_equal(part$null_weight, 0.4) # d says nothing of these two
  expect_equal(sum(part$w) + part$null_weight, 1)
  # By quadrature over the two others, of the density of the whole.
  withr::local_seed(2)
  x <- c(0.7, -1.1)
  S <- diag(c(1, 0.5, 2, 1))
  grid <- seq(-45, 45, by = 0.4)
  whole <- 0
  parts <- expand.grid(grid, grid)
  for (k in 0:4) {
    U <- if (k) unname(prior$U[[k]]) else matrix(0, 4, 4)
    weight <- if (k) prior$w[[k]] else prior$null_weight
    points <- cbind(x[2], parts[, 1], x[1], parts[, 2]) # liver, lung, skin, brain
    root <- chol(U + S)
    z <- backsolve(root, t(points), transpose = TRUE)
    density <- exp(-colSums(z^2) / 2 - sum(log(diag(root))) - 2 * log(2 * pi))
    whole <- whole + weight * sum(density) * 0.4^2
  }
  expect_equal(density_under(part, x, S[c(3, 1), c(3, 1)]), log(whole), tolerance = 1e-8)
})

test_that("parts are picked by names, numbers or logicals, and what is not there is named", {
  prior <- named_prior()
  expect_identical(dim(prior), c(4L, 4L))
  expect_identical(prior[c(3, 1)], prior[c("skin", "liver")])
  expect_identical(prior[-(1:2)], prior[c("skin", "brain")])
  expect_identical(prior[c(TRUE, FALSE, TRUE, FALSE)], prior[c("liver", "skin")])
  expect_identical(subset(prior, conditions = "lung"), prior["lung"])
  expect_identical(as_prior(prior, conditions = c("skin", "liver")), prior[c("skin", "liver")])
  expect_identical(prior[cn], prior)
  some <- subset(prior, components = c("c", "a"))
  expect_equal(some$w, c(c = 0.3, a = 0.2) / 0.65)
  expect_equal(some$null_weight, 0.15 / 0.65)
  expect_identical(prior[, c("c", "a")], some)
  expect_error(prior["kidney"], "no condition \"kidney\"", class = "mnmash_error_names")
  expect_error(prior[, "e"], "no component \"e\"", class = "mnmash_error_names")
  expect_error(prior[c(1, 1)], "each once", class = "mnmash_error_argument")
  expect_error(subset(prior, condtions = 1), "did you mean `conditions`",
    class = "mnmash_error_argument")
  expect_error(as_prior(prior, condtions = "lung"), "did you mean `conditions`",
    class = "mnmash_error_argument")
  nameless <- as_prior(list(U = list(a = diag(2), b = matrix(1, 2, 2)), w = 1:2))
  expect_null(dimnames(nameless)[[1]])
  expect_identical(dimnames(as_prior(nameless, conditions = c("x", "y")))[[1]], c("x", "y"))
  expect_error(nameless["x"], "does not know the names", class = "mnmash_error_names")
})

test_that("matrices in another order are put in one, weights in another order too", {
  one <- matrix(c(1, 0.5, 0.5, 4), 2, dimnames = rep(list(c("x", "y")), 2))
  prior <- as_prior(list(U = list(a = one, b = one[2:1, 2:1]), w = c(b = 3, a = 1)))
  expect_identical(prior$U$b, one)
  expect_equal(prior$w, c(a = 0.25, b = 0.75))
})

test_that("every class of fit gives a prior with its conditions and units", {
  withr::local_seed(3)
  sims <- simple_sims(nsamp = 20, ncond = 4, err_sd = 0.5)
  colnames(sims$Bhat) <- cn
  EZ <- mash_set_data(sims$Bhat, sims$Shat, alpha = 1)
  EE <- mash_set_data(sims$Bhat, sims$Shat)
  z <- mash_set_data(sims$Bhat / 0.5)
  U <- cov_canonical(EE)
  fits <- list(
    mash(EZ, U, outputlevel = 1, verbose = FALSE),
    mash(EE, U, outputlevel = 1, verbose = FALSE)$fitted_g,
    mash(z, U, verbose = FALSE),
    ud_fit(EZ, K = 1, seed = 1, max_iter = 3),
    ed(EE, U = list(diag(4)), max_iter = 2)
  )
  units <- c("z", "effect", "z", "z", "effect")
  for (i in seq_along(fits)) {
    prior <- as_prior(fits[[i]])
    expect_identical(dimnames(prior)[[1]], cn)
    expect_identical(prior$units, units[i])
    expect_identical(prior$effect_model, c(z = "EZ", effect = "EE")[[units[i]]])
    again <- as_prior(as_mashr(prior))
    expect_identical(again$units, prior$units)
    expect_identical(dimnames(again)[[1]], cn)
    expect_identical(dimnames(as_prior(fits[[i]], conditions = cn[3:2]))[[1]], cn[3:2])
  }
  half <- mash(mash_set_data(sims$Bhat, sims$Shat, alpha = 0.5), U, verbose = FALSE)
  expect_null(as_prior(half)$units)
  expect_identical(half$fitted_g$alpha, 0.5)
})

test_that("a prior of mvsusieR is read, its matrices in a list or an array", {
  U <- list(matrix(0, 2, 2), diag(2), matrix(1, 2, 2))
  made <- \(x) structure(
    list2env(list(prior_variance = list(pi = c(0.2, 0.5, 0.3), xUlist = x))),
    class = c("MashInitializer", "R6")
  )
  for (x in list(U, simplify2array(U))) {
    prior <- as_prior(made(x))
    expect_equal(prior$null_weight, 0.2)
    expect_equal(unname(prior$w), c(0.5, 0.3))
    expect_equal(unname(prior$U), U[2:3])
    expect_null(prior$units)
  }
  expect_identical(dimnames(as_prior(made(U), conditions = c("x", "y")))[[1]], c("x", "y"))
})

test_that("units are converted where the factor is known, else refused", {
  prior <- named_prior()
  sd <- c(1, 2, 3, 4)
  effects <- mnmash:::prior_for(prior, cn, 4L, "effect", sd)
  expect_equal(effects$U$a, prior$U$a * tcrossprod(sd))
  expect_identical(effects$units, "effect")
  expect_equal(mnmash:::prior_for(effects, cn, 4L, "z", sd)$U, prior$U)
  expect_error(mnmash:::prior_for(prior, cn, 4L, "effect"),
    "`prior` is of z-scores, but the data are of effects", class = "mnmash_error_units")
  expect_identical(mnmash:::prior_for(prior, NULL, 4L, "z"), prior)
  expect_error(mnmash:::prior_for(prior, NULL, 3L), class = "mnmash_error_dimension")
})

test_that("a prior of more conditions, in another order, is used as its margin", {
  withr::local_seed(4)
  sims <- simple_sims(nsamp = 15, ncond = 4, err_sd = 0.5)
  colnames(sims$Bhat) <- cn
  data <- mash_set_data(sims$Bhat, sims$Shat)
  U <- c(cov_pca(data, 2), list(own = diag(c(1, 2, 3, 4))))
  m <- mash(data, U, outputlevel = 1, verbose = FALSE)
  few <- mash_set_data(sims$Bhat[, c(4, 2)], 0.5)
  prior <- as_prior(m, pi_thresh = 0)
  expect_message(direct <- mash_compute_loglik(m, few), "2 of its 4 conditions are used")
  by_hand <- sum(apply(few$Bhat, 1, \(x) density_under(prior[c("brain", "lung")], x, diag(2) / 4)))
  expect_equal(direct, by_hand, tolerance = 1e-10)
  expect_equal(suppressMessages(mash_compute_loglik(prior, few)), by_hand, tolerance = 1e-10)
  back <- mash_set_data(sims$Bhat[, 4:1], 0.5)
  expect_equal(mash_compute_loglik(m, back), m$loglik, tolerance = 1e-12)
  expect_equal(
    get_loglik(mash(back, U[c("PCA_1", "PCA_2", "tPCA")], verbose = FALSE)),
    get_loglik(mash(data, U[c("PCA_1", "PCA_2", "tPCA")], verbose = FALSE)), tolerance = 1e-12
  )
  colnames(back$Bhat)[2] <- "bone"
  expect_error(
    mash_compute_loglik(m, back),
    "`g` does not go with the data: it lacks 1 of 4 conditions (bone)",
    fixed = TRUE, class = "mnmash_error_names"
  )
  expect_error(
    mash(back, cov_pca(data, 1), verbose = FALSE), "`Ulist$PCA_1` does not go with the data",
    fixed = TRUE, class = "mnmash_error_names"
  )
})

test_that("the name of the point mass is no name for a matrix", {
  data <- mash_set_data(matrix(rnorm(20), 10), 1)
  U <- cov_canonical(data, c("null", "identity"))
  expect_error(mash(data, U, verbose = FALSE), "the name of the point mass",
    class = "mnmash_error_names")
  expect_named(
    get_estimated_pi(mash(data, U, usepointmass = FALSE, verbose = FALSE)), c("null", "identity")
  )
})

test_that("what is printed of a prior is what it is", {
  prior <- named_prior()
  text <- capture.output(print(prior, n = 2))
  expect_match(text[1], "Prior of z-scores in 4 conditions: 4 matrices")
  expect_match(text[2], "liver, lung, skin, brain")
  expect_match(text[length(text)], "2 more")
  table <- as.data.frame(prior)
  expect_identical(table$component, c("null", "a", "b", "c", "d"))
  expect_equal(sum(table$weight), 1)
  expect_identical(table$rank, c(0L, 1L, 2L, 3L, 2L))
})
