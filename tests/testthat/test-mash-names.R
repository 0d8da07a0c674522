# Functions of mash data match by name whatever else they take.

cn <- c("liver", "lung", "skin", "brain")
o <- 4:1

named_case <- function(J = 60) {
  withr::local_seed(8)
  names <- list(paste0("unit", seq_len(J)), cn)
  b <- rnorm(J) * rbinom(J, 1, 0.5) * 3
  B <- cbind(b, b, rnorm(J), 0) + rnorm(4 * J)
  S <- matrix(runif(4 * J, 0.7, 1.3), J)
  dimnames(B) <- dimnames(S) <- names
  V <- 0.3 + diag(0.7, 4)
  V[1, 2] <- V[2, 1] <- 0.6
  dimnames(V) <- list(cn, cn)
  U <- list(
    shared = matrix(c(1, 0.9, 0, 0, 0.9, 1, 0, 0, 0, 0, 0.3, 0, 0, 0, 0, 0.1), 4),
    own = diag(c(1, 2, 3, 4))
  ) |> lapply(`dimnames<-`, list(cn, cn))
  list(B = B, S = S, V = V, U = U, data = mash_set_data(B, S, V = V))
}

turn <- function(U) lapply(U, \(u) u[o, o])

renamed <- function(U) lapply(U, `dimnames<-`, rep(list(sub("skin", "bone", cn)), 2))

wider <- function(u) {
  out <- rbind(cbind(u, u[, 1] / 2), c(u[1, ] / 2, 5))
  dimnames(out) <- rep(list(c(cn, "bone")), 2)
  out
}

test_that("starts of every estimate of covariances are matched to the data by name", {
  d <- named_case()
  calls <- list(
    cov_ed = \(U) cov_ed(d$data, U, maxiter = 3),
    teem = \(U) cov_ed(d$data, U, maxiter = 3, algorithm = "teem"),
    ud_fit = \(U) ud_fit(d$data, Ulist = U, max_iter = 3, seed = 1)$U,
    ud_fixed = \(U) ud_fit(d$data, K = 1, U_fixed = U, max_iter = 3, seed = 1)$U,
    ud_scaled = \(U) ud_fit(d$data, K = 1, U_scaled = U, max_iter = 3, seed = 1)$U,
    ed = \(U) ed(d$data, U = U, max_iter = 3)$U,
    plain = \(U) ed(d$B, list(s = d$S, V = d$V), U = U, max_iter = 3)$U,
    ridge = \(U) add_ridge(U, d$data),
    em = \(U) mash_estimate_corr_em(d$data, U, max_iter = 1)$V,
    mash = \(U) get_pm(mash(d$data, U, verbose = FALSE))
  )
  for (name in names(calls)) {
    f <- calls[[name]]
    straight <- f(d$U)
    expect_equal(f(turn(d$U)), straight, tolerance = 1e-12, label = name)
    expect_message(wide <- f(lapply(d$U, wider)), "4 of its 5 conditions", label = name)
    expect_equal(wide, straight, tolerance = 1e-12, label = name)
    expect_error(f(renamed(d$U)), "skin", class = "mnmash_error_names", label = name)
  }
})

test_that("starts of V and weights of components and units are matched by name", {
  d <- named_case()
  em <- \(V) mash_estimate_corr_em(d$data, d$U, init = V, max_iter = 1)$V
  expect_equal(em(d$V[o, o]), em(d$V), tolerance = 1e-12)
  expect_error(em(`dimnames<-`(d$V, rep(list(sub("skin", "bone", cn)), 2))), "`init`.*skin",
    class = "mnmash_error_names")
  weight <- setNames(runif(60), rownames(d$B))
  calls <- list(
    \(w, pi, fix) cov_ed(d$data, d$U, maxiter = 2, weight = w, pi_init = pi, fixcovar = fix),
    \(w, pi, fix) ed(d$data, U = d$U, max_iter = 2, row_weights = w, pi = pi, fixed_U = fix)$U
  )
  pi <- c(shared = 0.8, own = 0.2)
  fix <- c(shared = TRUE, own = FALSE)
  for (f in calls) {
    expect_equal(f(rev(weight), rev(pi), rev(fix)), f(weight, pi, fix), tolerance = 1e-12)
    names(weight)[1] <- "other"
    expect_error(f(weight, pi, fix), "unit1", class = "mnmash_error_names")
    names(weight)[1] <- "unit1"
    expect_error(f(weight, c(shared = 0.8, all = 0.2), fix), "own", class = "mnmash_error_names")
  }
  w <- \(w) ud_fit(d$data, Ulist = d$U, w = w, max_iter = 0, seed = 1)$loglik
  expect_equal(w(rev(pi)), w(pi), tolerance = 1e-12)
})

test_that("extreme deconvolution with plain matrices is matched by name", {
  d <- named_case()
  means <- matrix(1:8 / 4, 2, dimnames = list(c("shared", "own"), cn))
  straight <- ed(d$B, list(s = d$S, V = d$V), U = d$U, means = means, max_iter = 2)
  turned <- ed(
    d$B, list(s = d$S[60:1, o], V = d$V[o, o]), U = rev(d$U)[2:1],
    means = means[2:1, o], max_iter = 2
  )
  expect_equal(turned[c("U", "means", "pi")], straight[c("U", "means", "pi")], tolerance = 1e-12)
  full <- array(d$V, c(4, 4, 60), list(cn, cn, rownames(d$B))) * rep(runif(60, 0.5, 2), each = 16)
  expect_equal(
    ed(d$B, full[o, o, 60:1], U = d$U, max_iter = 2)$U, ed(d$B, full, U = d$U, max_iter = 2)$U,
    tolerance = 1e-12
  )
  bovy <- \(y, s, amp, mean, cov) extreme_deconvolution(y, s, amp, mean, cov, maxiter = 2)
  amp <- c(shared = 0.7, own = 0.3)
  one <- bovy(d$B, d$S^2, amp, means, d$U)
  two <- bovy(d$B, d$S[60:1, o]^2, rev(amp), means[2:1, o], turn(d$U))
  expect_equal(two$xcovar, one$xcovar, tolerance = 1e-12)
  expect_equal(two$xmean, one$xmean, tolerance = 1e-12)
  expect_equal(two$xamp, one$xamp, tolerance = 1e-12)
  expect_error(bovy(d$B, d$S^2, amp, means, renamed(d$U)), "`xcovar$shared`", fixed = TRUE,
    class = "mnmash_error_names")
})

test_that("chunks, regions, truths and samples are matched to the fit by name", {
  d <- named_case()
  m <- mash(d$data, d$U, outputlevel = 2, verbose = FALSE)
  pm <- get_pm(m)
  rows <- list(1:20, 21:60)
  chunk <- \(columns) \(i) list(Bhat = d$B[rows[[i]], columns], Shat = d$S[rows[[i]], columns])
  streamed <- function(chunk, V = d$V, g = m) {
    found <- list()
    mash_stream(g, chunk, 2, \(i, posterior) found[[i]] <<- posterior$PosteriorMean, V = V)
    do.call(rbind, found)
  }
  expect_equal(streamed(chunk(1:4)), pm, tolerance = 1e-12)
  expect_equal(streamed(chunk(o))[, cn], pm, tolerance = 1e-12)
  expect_equal(streamed(chunk(o), d$V[o, o])[, cn], pm, tolerance = 1e-12)
  few <- mash_set_data(d$B[, 3:2], d$S[, 3:2], V = d$V[3:2, 3:2])
  margin <- suppressMessages(mash_compute_posterior_matrices(m, few))$PosteriorMean
  expect_message(some <- streamed(chunk(3:2)), "2 of its 4")
  expect_equal(some, margin, tolerance = 1e-12)
  expect_equal(mash_posterior(m, few)$PosteriorMean, margin, tolerance = 1e-12)
  by_gene <- mash_posterior(m, list(g = list(Bhat = d$B[, o], Shat = d$S[, 1:4], V = d$V)))
  expect_equal(by_gene$g$PosteriorMean[, cn], pm, tolerance = 1e-12)
  expect_equal(
    mash_fit_chunks(m, chunk(o), 2, V = d$V[o, o])$loglik,
    mash_fit_chunks(m, chunk(1:4), 2, V = d$V)$loglik, tolerance = 1e-12
  )
  other <- chunk(1:4)
  bone <- \(i) lapply(other(i), `colnames<-`, sub("skin", "bone", cn))
  expect_error(streamed(bone), "bone", class = "mnmash_error_names")
  expect_equal(lfsr_calibration(m, d$B[60:1, o]), lfsr_calibration(m, d$B))
  expect_error(lfsr_calibration(m, `colnames<-`(d$B, sub("skin", "bone", cn))), "skin",
    class = "mnmash_error_names")
  back <- mash_set_data(d$B[, o], d$S[, o], V = d$V)
  expect_equal(mash_z_check(m, back)$pit[, cn], mash_z_check(m, d$data)$pit, tolerance = 1e-12)
  mean_of <- \(b) apply(b, 1:2, mean)
  expect_equal(
    dimnames(posterior_functional(m, back, mean_of, n_samples = 2)), list(rownames(d$B), cn[o])
  )
  expect_identical(names(simulate(m, data = back, seed = 1)[[1]]$B[1, ]), cn[o])
  prior <- setNames(runif(length(m$fitted_g$pi), 1, 3), names(m$fitted_g$pi))
  with_prior <- \(prior) {
    get_loglik(mash(d$data, d$U, prior = prior, outputlevel = 1, verbose = FALSE))
  }
  expect_equal(with_prior(rev(prior)), with_prior(prior), tolerance = 1e-12)
  g <- m$fitted_g
  g$pi <- rev(g$pi)
  expect_equal(mash_compute_loglik(g, d$data), m$loglik, tolerance = 1e-12)
})

test_that("posterior covariances of the correlation's EM are there when asked for", {
  d <- named_case()
  em <- mash_estimate_corr_em(d$data, d$U, max_iter = 1, outputlevel = 3)
  again <- mash(
    mash_update_data(d$data, V = em$V), g = em$mash.model, fixg = TRUE, outputlevel = 3,
    verbose = FALSE
  )
  expect_equal(em$mash.model$result$PosteriorCov, again$result$PosteriorCov, tolerance = 1e-10)
  expect_null(mash_estimate_corr_em(d$data, d$U, max_iter = 1, outputlevel = 1)$mash.model$result)
})
