# Conditions, components, variants and samples of regressions are matched by name, and priors keep
# their units.

named_case <- function() {
  withr::local_seed(2)
  n <- 150
  p <- 12
  X <- matrix(rbinom(n * p, 2, 0.3), n, dimnames = list(NULL, paste0("rs", 1:p)))
  for (j in c(2:4, 8)) {
    copied <- runif(n) < 0.7
    X[copied, j] <- X[copied, j - 1]
  }
  B <- matrix(0, p, 3)
  B[3, ] <- c(1, 0, 0)
  B[8, ] <- c(0, 0.8, 0.8)
  Y <- X %*% B + matrix(rnorm(3 * n), n)
  colnames(Y) <- c("brain", "liver", "blood")
  square <- \(M) `dimnames<-`(M, list(colnames(Y), colnames(Y)))
  s <- univariate_sumstats(X, Y)
  list(
    X = X, Y = Y, U = lapply(list(
      brain = diag(c(1, 0, 0)), shared = matrix(1, 3, 3),
      both = rbind(0, c(0, 1, 1), c(0, 1, 1))
    ), square), V = square(matrix(c(2, 0.3, 0.1, 0.3, 1, 0.2, 0.1, 0.2, 1.5), 3)),
    Bhat = s$Bhat, Shat = s$Shat, Z = s$Bhat / s$Shat, LD = cor(X), covY = cov(Y), n = n,
    conditions = c("blood", "brain", "liver"), variants = sample(p)
  )
}

# A matrix or list of matrices with one condition more.
one_more <- function(M) {
  if (is.list(M)) return(lapply(M, one_more))
  R <- nrow(M)
  out <- diag(7, R + 1L)
  out[1:R, 1:R] <- M
  dimnames(out) <- rep(list(c(rownames(M), "skin")), 2L)
  out[c(R + 1L, 1:R), c(R + 1L, 1:R)]
}

test_that("conditions and variants in another order, or more of them, change nothing", {
  d <- named_case()
  G <- c(0.1, 0.3)
  turn <- \(M) if (is.list(M)) lapply(M, turn) else M[d$conditions, d$conditions]
  rows <- \(M) M[d$variants, , drop = FALSE]
  mash <- \(U = d$U, ...) mr_mash(d$X, d$Y, U, grid = G, ...)[c("mu1", "V", "w0", "ELBO")]
  rss <- \(...) {
    given <- list(Bhat = d$Bhat, Shat = d$Shat, LD = d$LD, n = d$n, covY = d$covY, prior = d$U,
                  grid = G)
    given[...names()] <- list(...)
    do.call(mr_mash_rss, given)[c("mu1", "V", "w0", "ELBO", "intercept")]
  }
  expect_same <- \(found, right) expect_equal(found, right, tolerance = 1e-12)
  right <- mash()
  more <- \(f) suppressMessages(f)
  expect_same(mash(turn(d$U)), right)
  expect_message(found <- mash(one_more(d$U)), "3 of its 4 conditions")
  expect_same(found, right)
  expect_same(mash(as_prior(list(U = d$U, w = c(1, 1, 1)))), right)
  expect_same(more(mash(as_prior(list(U = one_more(d$U), w = c(1, 1, 1))))), right)
  known <- mash(V = d$V, residual = "known")
  expect_same(mash(V = turn(d$V), residual = "known"), known)
  expect_same(more(mash(V = one_more(d$V), residual = "known")), known)
  B <- d$Bhat / 2
  start <- mash(B_init = B)
  expect_same(mash(B_init = B[d$variants, d$conditions]), start)
  right <- rss()
  expect_same(rss(covY = turn(d$covY)), right)
  expect_same(rss(prior = turn(d$U)), right)
  expect_same(rss(Shat = rows(d$Shat)[, d$conditions]), right)
  expect_same(rss(LD = d$LD[d$variants, d$variants]), right)
  expect_same(more(rss(LD = one_more(d$LD))), right)
  means <- list(X_colmeans = colMeans(d$X), Y_colmeans = colMeans(d$Y))
  right <- do.call(rss, means)
  expect_same(do.call(rss, list(
    X_colmeans = means$X_colmeans[d$variants], Y_colmeans = means$Y_colmeans[d$conditions]
  )), right)
  n <- c(brain = 150, liver = 120, blood = 80)
  right <- rss(n = n, V = d$V)
  expect_same(rss(n = n[d$conditions], V = turn(d$V)), right)
  expect_same(rss(n = unname(n), V = d$V), right)
  # One condition.
  b <- d$Bhat[, 1]
  s <- d$Shat[, 1]
  one <- \(...) mr_ash_rss(..., n = d$n)[c("beta", "lfsr", "elbo")]
  right <- one(b, s, LD = d$LD)
  expect_same(one(b, s[d$variants], LD = d$LD[d$variants, d$variants]), right)
  right <- one(Z = d$Z[, 1], LD = d$LD, beta_init = b)
  expect_same(one(z = d$Z[, 1], R = d$LD, beta_init = b[d$variants]), right)
  right <- mr_ash(d$X, d$Y[, 1], beta_init = b)
  expect_same(mr_ash(d$X, d$Y[, 1], beta_init = b[d$variants])$elbo, right$elbo)
  # Deconvolution.
  V <- cov2cor(d$V)
  right <- deconvolve(d$X, d$Y, V = V)$V
  expect_identical(right, V)
  expect_identical(deconvolve(d$X, d$Y, V = turn(V))$V, right)
  right <- deconvolve_rss(d$Bhat, d$Shat, LD = d$LD, n = d$n, covY = d$covY)
  found <- deconvolve_rss(
    d$Bhat, rows(d$Shat), R = d$LD[d$variants, d$variants], n = d$n, cov_Y = turn(d$covY)
  )
  for (what in c("Bhat", "Shat", "V")) expect_same(found[[what]], right[[what]])
})

test_that("components are matched by name", {
  d <- named_case()
  w <- c(brain = 0.1, shared = 0.2, both = 0.7)
  fit <- \(...) mr_mash(d$X, d$Y, S0 = d$U, ..., update_w0 = FALSE, V = d$V)
  right <- fit(w0 = w)
  expect_identical(fit(w0 = w[3:1])$mu1, right$mu1)
  expect_identical(fit(w0 = unname(w))$mu1, right$mu1)
  expect_error(
    fit(w0 = c(brain = 1, shared = 1, all = 1)), "`w0`.*\\(both\\).*\\(all\\)",
    class = "mnmash_error_names"
  )
  penalty <- c(brain = 3, shared = 1, both = 9)
  go <- \(p) mr_mash(d$X, d$Y, S0 = d$U, w0_penalty = p)$w0
  expect_identical(go(penalty[c(2, 3, 1)]), go(penalty))
})

test_that("names that are not there are errors that list them", {
  d <- named_case()
  wrong <- \(M) {
    if (is.list(M)) return(lapply(M, wrong))
    colnames(M)[2] <- "heart"
    if (nrow(M) == ncol(M)) rownames(M) <- colnames(M)
    M
  }
  expect_names <- \(x) expect_error(x, "heart", class = "mnmash_error_names")
  expect_names(mr_mash(d$X, d$Y, wrong(d$U), grid = 0.2))
  expect_names(mr_mash(d$X, d$Y, d$U, grid = 0.2, V = wrong(d$V)))
  expect_names(mr_mash(d$X, d$Y, d$U, grid = 0.2, B_init = wrong(d$Bhat)))
  expect_names(mr_mash_rss(d$Bhat, wrong(d$Shat), LD = d$LD, n = 9, covY = d$covY, prior = d$U))
  expect_names(mr_mash_rss(d$Bhat, d$Shat, LD = d$LD, n = 9, covY = wrong(d$covY), prior = d$U))
  expect_names(mr_mash_rss(d$Bhat, d$Shat, LD = wrong(d$LD), n = 9, covY = d$covY, prior = d$U))
  expect_names(deconvolve(d$X, d$Y, V = wrong(cov2cor(d$V))))
  expect_names(deconvolve_rss(d$Bhat, d$Shat, LD = wrong(d$LD), n = 9))
  expect_names(mr_ash_rss(Z = d$Z[, 1], LD = wrong(d$LD), n = 9))
})

test_that("what is no prior is said to be none, by its own name", {
  d <- named_case()
  for (prior in list(3, "a", mean, quote(x))) {
    expect_error(mr_mash(d$X, d$Y, prior), "`prior` must be", class = "mnmash_error_type")
  }
})

test_that("a prior is used in its own units", {
  d <- named_case()
  w <- c(0.2, 0.3, 0.1)
  p <- list(U = d$U, w = w, null_weight = 0.4)
  fit <- \(prior, ...) mr_mash(d$X, d$Y, prior, update_w0 = FALSE, V = d$V, ...)
  zeros <- \(U) c(list(null = diag(0, 3)), U)
  # z-scores: by hand, for effects of standardized predictors.
  z <- as_prior(c(p, effect_model = "EZ"))
  se <- apply(d$Y, 2, sd) / sqrt(d$n)
  by_hand <- lapply(d$U, \(U) U * outer(se, se))
  right <- fit(NULL, S0 = zeros(by_hand), w0 = c(0.4, w), standardize = TRUE)
  found <- fit(z)
  expect_equal(found$ELBO, right$ELBO, tolerance = 1e-12)
  expect_equal(found$mu1, right$mu1, tolerance = 1e-12)
  expect_error(fit(z, standardize = FALSE), "z-scores", class = "mnmash_error_units")
  larger <- as_prior(list(U = one_more(d$U), w = w, null_weight = 0.4, effect_model = "EZ"))
  expect_equal(suppressMessages(fit(larger))$ELBO, right$ELBO, tolerance = 1e-12)
  # With missing responses, each has its own number and variance.
  Y <- d$Y
  Y[1:40, 1] <- NA
  Y[11:20, 2] <- NA
  se <- apply(Y, 2, sd, na.rm = TRUE) / sqrt(colSums(!is.na(Y)))
  by_hand <- lapply(d$U, \(U) U * outer(se, se))
  expect_equal(
    mr_mash(d$X, Y, z, update_w0 = FALSE, V = d$V, max_iter = 3, tol = 0)$ELBO,
    mr_mash(d$X, Y, S0 = zeros(by_hand), w0 = c(0.4, w), update_w0 = FALSE, V = d$V, max_iter = 3,
            tol = 0)$ELBO, tolerance = 1e-12
  )
  # Effects per unit.
  e <- as_prior(c(p, effect_model = "EE"))
  expect_equal(
    fit(e)$ELBO, fit(NULL, S0 = zeros(d$U), w0 = c(0.4, w), standardize = FALSE)$ELBO,
    tolerance = 1e-12
  )
  expect_error(fit(e, standardize = TRUE), "per unit", class = "mnmash_error_units")
  # With a grid, only proportions among the responses count.
  G <- c(0.1, 0.3)
  grid <- \(prior, ...) mr_mash(d$X, d$Y, prior, grid = G, V = d$V, ...)$ELBO
  expect_equal(grid(e), grid(d$U), tolerance = 1e-12)
  expect_equal(grid(e, standardize = FALSE), grid(d$U, standardize = FALSE), tolerance = 1e-12)
  se <- apply(d$Y, 2, sd) / sqrt(d$n)
  by_hand <- lapply(d$U, \(U) U * outer(se, se))
  expect_equal(grid(z), grid(by_hand), tolerance = 1e-10)
  expect_equal(grid(z, standardize = FALSE), grid(by_hand, standardize = FALSE), tolerance = 1e-10)
  # Where predictors have one standard deviation, both ways are the same.
  X <- scale(d$X)
  same <- mr_mash(X, d$Y, e, update_w0 = FALSE, V = d$V)
  expect_equal(
    mr_mash(X, d$Y, e, standardize = TRUE, update_w0 = FALSE, V = d$V)$ELBO, same$ELBO,
    tolerance = 1e-8
  )
  # Summary statistics.
  rss <- mr_mash_rss(d$Bhat, d$Shat, LD = d$LD, n = d$n, covY = d$covY, prior = z, V = d$V,
                     update_w0 = FALSE)
  expect_equal(rss$mu1, found$mu1, tolerance = 1e-5)
  scores <- \(prior) {
    mr_mash_rss(Z = d$Z, LD = d$LD, n = d$n, V = cov2cor(d$V), prior = prior, update_w0 = FALSE)
  }
  expect_equal(
    scores(z)$ELBO,
    mr_mash_rss(Z = d$Z, LD = d$LD, n = d$n, V = cov2cor(d$V), update_w0 = FALSE,
                S0 = zeros(lapply(d$U, `/`, d$n)), w0 = c(0.4, w))$ELBO,
    tolerance = 1e-12
  )
  expect_error(scores(e), "per unit", class = "mnmash_error_units")
})

test_that("the prior of a regression goes into another in its units", {
  d <- named_case()
  for (standardize in c(TRUE, FALSE)) {
    fit <- mr_mash(d$X, d$Y, d$U, grid = c(0.1, 0.5), standardize = standardize)
    again <- mr_mash(d$X, d$Y, as_prior(fit), V = fit$V, B_init = fit$mu1)
    expect_identical(again$standardize, standardize)
    expect_equal(again$mu1, fit$mu1, tolerance = 1e-3)
  }
})

test_that("deconvolve, mash, mr_mash: the units of X and Y do not matter", {
  d <- named_case()
  route <- function(X, Y) {
    m <- mash(
      mash_set_data(deconvolve(X, Y)), list(shared = matrix(1, 3, 3), own = diag(3)),
      verbose = FALSE
    )
    mr_mash(X, Y, as_prior(m), update_w0 = FALSE)
  }
  right <- route(d$X, d$Y)
  for (x in c(0.1, 10)) {
    found <- route(d$X * x, d$Y)
    expect_equal(found$ELBO, right$ELBO, tolerance = 1e-6)
    expect_equal(found$mu1 * x, right$mu1, tolerance = 1e-4)
  }
  found <- route(d$X, d$Y * 100)
  expect_equal(found$ELBO, right$ELBO - length(d$Y) * log(100), tolerance = 1e-6)
  expect_equal(found$mu1, right$mu1 * 100, tolerance = 1e-4)
})

test_that("posterior weights of components are those of the normal means", {
  d <- named_case()
  X <- qr.Q(qr(scale(d$X, scale = FALSE))) * sqrt(149)
  dimnames(X) <- dimnames(d$X)
  fit <- mr_mash(X, d$Y, d$U, grid = 0.3, V = d$V, residual = "known", standardize = FALSE,
                 w1 = TRUE)
  expect_identical(dimnames(fit$w1), list(colnames(X), names(fit$w0)))
  expect_null(mr_mash(X, d$Y, d$U, grid = 0.3)$w1)
  # Orthogonal predictors: Bayes' rule by hand.
  b <- crossprod(X, d$Y) / 149
  density <- vapply(fit$S0, \(S) {
    C <- S + d$V / 149
    exp(-0.5 * (rowSums((b %*% solve(C)) * b) + as.numeric(determinant(C)$modulus)))
  }, numeric(12))
  w1 <- density * rep(fit$w0, each = 12)
  expect_equal(fit$w1, w1 / rowSums(w1), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(colSums(fit$w1), fit$expected_counts, tolerance = 1e-6)
})

test_that("regions with their conditions in another order share one prior", {
  d <- named_case()
  G <- c(0.1, 0.3)
  U <- d$U
  second <- list(X = d$X[, 12:1], Y = d$Y[, 3:1] + 1)
  turned <- list(X = second$X, Y = second$Y[, d$conditions])
  pool <- \(b, ...) pool_weights(list(a = list(X = d$X, Y = d$Y), b = b), mr_mash, ...)
  right <- pool(second, prior = U, grid = G)
  found <- pool(turned, prior = U, grid = G)
  expect_equal(found$pi, right$pi, tolerance = 1e-6)
  expect_equal(found$fits$b$mu1[, colnames(d$Y)], right$fits$b$mu1[, colnames(d$Y)],
               tolerance = 1e-5)
  # Each region's own units.
  z <- as_prior(list(U = lapply(U, `*`, 20), w = c(1, 1, 1) / 4, null_weight = 1 / 4,
                     effect_model = "EZ"))
  right <- pool(second, prior = z)
  second$Y <- second$Y * 1000
  expect_equal(pool(second, prior = z)$pi, right$pi, tolerance = 1e-5)
  # Words of regions.
  rss <- \(b) pool_weights(list(a = list(z = d$Z[, 1], R = d$LD, n = d$n), b = b), mr_ash_rss)$pi
  expect_identical(
    rss(list(Z = d$Z[, 2], LD = d$LD, n = d$n)), rss(list(z = d$Z[, 2], R = d$LD, n = d$n))
  )
  expect_error(rss(list(Z = d$Z[, 2], LD = d$LD, m = 3)), "unknown to `fit`, `m`",
               class = "mnmash_error_argument")
})
