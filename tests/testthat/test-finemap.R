# Stored results of mvsusieR 0.1.10 and susieR 0.16.5, enumeration, and identities.

max_diff <- function(a, b) max(abs(unname(a) - unname(b)))

# A run of a stored case in compat order.
compat_run <- function(case, run, ...) {
  input <- case$input
  U <- input$prior_matrices
  w <- input$prior_weights_mixture
  V <- input$V
  args <- list(L = input$L, tol = input$tol, max_iter = input$max_iter, compat = "mvsusieR",
               scale = "em", n_threads = 1)
  if (run == "em_nostd") args$standardize <- FALSE
  if (run == "fixed_std") {
    U <- lapply(U, `*`, input$fixed_scale_multiplier)
    args$scale <- "fixed"
  }
  if (run == "single_fixed") {
    U <- list(input$single_prior_matrix)
    w <- 1
    args$scale <- "fixed"
  }
  if (run == "em_priorw") args$prior_weights <- input$variable_prior_weights
  data <- if (run == "rss") {
    V <- input$residual_variance_rss
    finemap_sumstats(input$Z, cor(input$genotype), n = input$N)
  } else {
    finemap_data(input$genotype, input$Y)
  }
  do.call(finemap, utils::modifyList(c(list(data, list(U = U, w = w), V = V), args), list(...)))
}

set_keys <- function(sets) {
  unname(sort(vapply(sets, \(s) paste(sort(unname(s)), collapse = " "), "")))
}

test_that("compat order reproduces mvsusieR: places, effects, signs, evidence, sets", {
  for (name in c("mvsusie_r2", "mvsusie_r6", "mvsusie_r10")) {
    case <- reference_case(name)
    for (run in names(case$output)) {
      want <- case$output[[run]]
      fit <- compat_run(case, run)
      label <- paste(name, run)
      expect_equal(fit$n_iter, want$niter, info = label)
      expect_lt(max_diff(fit$alpha, want$alpha), 1e-8)
      expect_lt(max_diff(fit$lbf, want$lbf), 1e-8)
      expect_lt(max_diff(fit$scale, want$prior_scale), 1e-8)
      expect_lt(max(abs(fit$elbo / want$elbo - 1)), 1e-10)
      known <- rowSums(is.na(want$coef)) == 0
      expect_lt(max_diff(rbind(fit$intercept, fit$coef), want$coef[known, ]), 1e-7)
      if (!is.null(want$lfsr)) {
        expect_lt(max_diff(lfsr(fit), want$lfsr), 1e-7)
        expect_lt(max_diff(fit$single_effect_lfsr, want$single_effect_lfsr), 1e-8)
      }
      expect_identical(
        set_keys(lapply(fit$sets, `[[`, "variables")), set_keys(want$sets),
        info = label
      )
    }
  }
})

test_that("the default reaches at least the evidence of the older order", {
  for (name in c("mvsusie_r2", "mvsusie_r6", "mvsusie_r10")) {
    case <- reference_case(name)
    for (run in intersect(names(case$output), c("em_std", "em_nostd", "em_priorw", "rss"))) {
      want <- tail(case$output[[run]]$elbo, 1)
      fit <- compat_run(case, run, compat = NULL, scale = "optim")
      expect_gt(tail(fit$elbo, 1), want - 1e-3)
      expect_true(fit$converged)
      expect_gt(min(diff(fit$elbo)), -1e-6)
    }
  }
})

test_that("one condition with fixed hyper-parameters is susie", {
  case <- reference_case("susie_r1")
  input <- case$input
  X <- input$genotype
  y <- input$y
  variance <- input$scaled_prior_variance[["fixed"]] * var(y)
  run <- function(data, variance, sigma2, ...) {
    finemap(data, variance, L = input$L, V = matrix(sigma2), scale = "fixed", effect_model = "EE",
            tol = 1e-10, max_iter = 500, n_threads = 1, ...)
  }
  compare <- function(fit, want, scale) {
    expect_lt(max_diff(fit$alpha, want$alpha), 1e-6)
    expect_lt(max_diff(fit$lbf, want$lbf), 1e-5)
    # susie adds 1.5e-8 to each prior probability.
    expect_lt(abs(tail(fit$elbo, 1) - tail(want$elbo, 1)), 1e-4)
    mu <- t(vapply(fit$effects, \(e) {
      out <- rep(NA_real_, ncol(X))
      # susie has them on the scale of its fit.
      out[e$variable] <- e$mean * scale[e$variable]
      out
    }, numeric(ncol(X))))
    expect_lt(max(abs(mu - want$mu), na.rm = TRUE), 1e-6)
  }
  want <- case$output$fixed_V_sigma2
  fit <- run(finemap_data(X, y), variance, input$residual_variance)
  sd <- apply(X, 2, stats::sd)
  compare(fit, want, sd)
  expect_lt(max_diff(coef(fit), want$coef), 1e-6)
  unscaled <- run(
    finemap_data(X, y), input$scaled_prior_variance[["nostd"]] * var(y), input$residual_variance,
    standardize = FALSE, prior_weights = input$prior_weights
  )
  compare(unscaled, case$output$fixed_V_sigma2_nostd_weights, rep(1, ncol(X)))
  rss <- run(
    finemap_sumstats(input$z, cor(X), n = input$n), input$scaled_prior_variance[["fixed"]], 1
  )
  compare(rss, case$output$rss_fixed, rep(1, ncol(X)))
})

test_that("one condition with estimated hyper-parameters finds susie's optimum", {
  case <- reference_case("susie_r1")
  input <- case$input
  want <- case$output$default_mle
  fit <- finemap(finemap_data(input$genotype, input$y), 1, L = input$L, estimate_V = "full",
                 tol = 1e-6, n_threads = 1)
  expect_lt(abs(tail(fit$elbo, 1) - tail(want$elbo, 1)), 0.01)
  expect_lt(max_diff(pip(fit), want$pip), 0.01)
  expect_lt(abs(fit$V - want$sigma2), 1e-3)
})

test_that("one effect is exact, two are close", {
  case <- reference_case("finemap_exact")
  input <- case$input
  prior <- list(U = input$prior_matrices, w = input$prior_weights_mixture)
  data <- finemap_data(input$X, input$Y)
  run <- function(L) {
    finemap(data, prior, L = L, V = input$V, scale = "fixed", effect_model = "EE",
            standardize = FALSE, tol = 1e-8, n_threads = 1)
  }
  exact <- case$output$L1_exact
  fit <- run(1)
  expect_lt(max_diff(fit$alpha, exact$alpha), 1e-10)
  expect_lt(max_diff(fit$lbf_variable, exact$log_bf), 1e-10)
  expect_lt(max_diff(fit$lbf, exact$lbf_total), 1e-10)
  effect <- fit$effects[[1]]
  at <- effect$variable
  expect_lt(max_diff(effect$mean, exact$effect_mean_given_j[at, ]), 1e-9)
  expect_lt(max_diff(effect$weights, exact$mixture_weights[at, ]), 1e-10)
  two <- run(2)
  expect_lt(max_diff(pip(two), case$output$L2_exact$pip), 0.03)
  null <- -nrow(input$Y) * log(2 * pi) - nrow(input$Y) / 2 * log(det(input$V)) -
    sum(diag(solve(input$V, crossprod(scale(input$Y, scale = FALSE))))) / 2
  expect_lt(tail(two$elbo, 1) - null, case$output$L2_exact$log_evidence_ratio)
  expect_gt(tail(two$elbo, 1) - null, case$output$L2_exact$log_evidence_ratio - 1)
})

small_region <- function(n = 200, p = 40, seed = 3) {
  set.seed(seed)
  X <- matrix(rbinom(n * p, 2, 0.35), n, dimnames = list(NULL, paste0("v", seq_len(p))))
  X[, 5] <- pmin(2, pmax(0, X[, 4] + sample(c(-1, 0, 0, 0, 1), n, TRUE)))
  V <- matrix(c(1, 0.3, 0.1, 0.3, 1.5, 0.2, 0.1, 0.2, 0.8), 3)
  E <- matrix(rnorm(3 * n), n) %*% chol(V)
  Y <- X[, 4] %o% c(0.5, 0.4, 0) + X[, 20] %o% c(0, 0, 0.5) + E
  colnames(Y) <- c("a", "b", "c")
  U <- list(all = matrix(1, 3, 3), each = diag(3), c = diag(c(0, 0, 1)))
  prior <- list(U = U, w = c(2, 1, 1) / 4)
  list(X = X, Y = Y, V = V, prior = prior)
}

test_that("rows, sufficient statistics and z-scores are the same fit", {
  s <- small_region()
  n <- nrow(s$X)
  Y <- scale(s$Y)
  Xs <- scale(s$X)
  V <- cov2cor(s$V)
  by_rows <- finemap(finemap_data(s$X, Y), s$prior, V = V, n_threads = 1)
  Xc <- scale(s$X, scale = FALSE)
  by_products <- finemap(
    finemap_suffstat(crossprod(Xc), crossprod(Xc, Y), crossprod(Y), n, colMeans(s$X), c(0, 0, 0)),
    s$prior, V = V, n_threads = 1
  )
  Z <- matrix(0, ncol(s$X), 3, dimnames = list(colnames(s$X), colnames(Y)))
  S <- B <- Z
  for (j in seq_len(ncol(s$X))) for (r in 1:3) {
    b <- summary(lm(Y[, r] ~ Xs[, j]))$coefficients[2, ]
    Z[j, r] <- b[3]
    B[j, r] <- b[1]
    S[j, r] <- b[2]
  }
  by_z <- finemap(finemap_sumstats(Z, cor(s$X), n = n), s$prior, V = V, n_threads = 1)
  by_effects <- finemap(finemap_sumstats(LD = cor(s$X), n = n, Bhat = B, Shat = S), s$prior, V = V,
                        n_threads = 1)
  per_condition <- finemap(
    finemap_sumstats(Z, cor(s$X), n = c(n, n, n + 1e-9)), s$prior, V = V, n_threads = 1
  )
  expect_gt(length(by_rows$sets), 1)
  for (fit in list(by_products, by_z, by_effects, per_condition)) {
    expect_lt(max_diff(fit$alpha, by_rows$alpha), 1e-8)
    expect_lt(max_diff(fit$lfsr, by_rows$lfsr), 1e-8)
    expect_lt(max_diff(fit$lbf, by_rows$lbf), 1e-7)
  }
  expect_lt(max_diff(by_products$coef, by_rows$coef), 1e-9)
  expect_lt(max_diff(by_products$intercept, by_rows$intercept), 1e-9)
  expect_lt(max_diff(by_z$coef, by_rows$coef * apply(s$X, 2, sd)), 1e-8)
  # Effects by condition on the z-score scale are per standardised variable too.
  expect_lt(max_diff(per_condition$coef, by_z$coef), 1e-7)
  # Y'Y is not known from z-scores: a constant.
  expect_lt(max_diff(diff(by_z$elbo), diff(by_rows$elbo)), 1e-7)
})

test_that("wide data, kept as rows, give what products give", {
  s <- small_region(n = 60, p = 130, seed = 9)
  Xc <- scale(s$X, scale = FALSE)
  Yc <- scale(s$Y, scale = FALSE)
  for (estimate in c("none", "diag", "full")) {
    rows <- finemap(finemap_data(s$X, s$Y), s$prior, L = 4, estimate_V = estimate, n_threads = 1)
    products <- finemap(
      finemap_suffstat(crossprod(Xc), crossprod(Xc, Yc), crossprod(Yc), 60), s$prior, L = 4,
      V = if (estimate == "diag") diag(diag(cov(s$Y))) else cov(s$Y), estimate_V = estimate,
      n_threads = 1
    )
    expect_equal(rows$pip, products$pip, tolerance = 1e-8)
    expect_equal(rows$elbo, products$elbo, tolerance = 1e-10)
    expect_equal(rows$V, products$V, tolerance = 1e-8, ignore_attr = TRUE)
    expect_gt(min(diff(rows$elbo)), -1e-6)
  }
})

test_that("one and two threads agree to the last bit", {
  s <- small_region(p = 300)
  data <- finemap_data(s$X, s$Y)
  fits <- lapply(1:2, \(t) finemap(data, s$prior, V = s$V, n_threads = t))
  drop_call <- \(f) f[setdiff(names(f), "call")]
  expect_identical(drop_call(fits[[1]]), drop_call(fits[[2]]))
})

test_that("sets follow coverage and purity; predictions follow coefficients", {
  s <- small_region()
  fit <- finemap(finemap_data(s$X, s$Y), s$prior, V = s$V, n_threads = 1)
  for (set in credible_sets(fit, coverage = 0.8)) {
    expect_gte(set$coverage, 0.8)
    alpha <- fit$alpha[, set$variables, drop = FALSE]
    expect_true(any(abs(rowSums(alpha) - set$coverage) < 1e-12))
    r <- abs(cor(s$X[, set$variables, drop = FALSE]))
    expect_equal(set$purity[["min"]], min(r), tolerance = 1e-10)
  }
  # No set is as pure as this but those of one variable.
  expect_true(all(lengths(lapply(credible_sets(fit, min_abs_corr = 1), `[[`, "variables")) == 1))
  expect_equal(
    pip(fit),
    1 - apply(1 - fit$alpha[fit$scale > 0, , drop = FALSE], 2, prod), tolerance = 1e-12
  )
  expect_equal(predict(fit, s$X), cbind(1, s$X) %*% coef(fit), ignore_attr = TRUE)
  expect_equal(colMeans(predict(fit, s$X)), colMeans(s$Y), tolerance = 1e-10)
  table <- summary(fit)
  expect_equal(nrow(table), 3 * length(fit$sets))
  expect_true("v20" %in% table$sentinel)
  strong <- table[table$sentinel == "v20" & table$condition == "c", ]
  expect_true(strong$active)
  expect_lt(abs(strong$effect - 0.5), 3 * strong$se)
  expect_output(print(fit), "credible set")
  expect_output(print(finemap_data(s$X, s$Y)), "40 variables")
})

test_that("variables that are the same share their probability", {
  s <- small_region()
  X <- cbind(s$X, copy = s$X[, 20])
  fit <- finemap(finemap_data(X, s$Y), s$prior, V = s$V, n_threads = 1)
  expect_equal(fit$pip[["v20"]], fit$pip[["copy"]], tolerance = 1e-10)
  expect_true(any(vapply(fit$sets, \(s) setequal(names(s$variables), c("v20", "copy")), NA)))
})

test_that("nothing to find is nothing found", {
  set.seed(4)
  X <- matrix(rbinom(100 * 20, 2, 0.4), 100)
  fit <- finemap(finemap_data(X, matrix(rnorm(200), 100)), list(matrix(1, 2, 2), diag(2)))
  expect_true(all(fit$scale == 0))
  expect_true(all(pip(fit) == 0))
  expect_length(fit$sets, 0)
  expect_equal(nrow(summary(fit)), 0)
  expect_true(all(lfsr(fit) == 1))
  expect_equal(nrow(lfsr(fit, "set")), 0)
  expect_output(print(fit), "0 effects")
})

test_that("bad input is refused by name", {
  s <- small_region()
  data <- finemap_data(s$X, s$Y)
  X <- s$X
  X[3, 2] <- NA
  expect_error(finemap_data(X, s$Y), "row 3, column 2 \\(v2\\)", class = "mnmash_error_missing")
  X[, 2] <- 1
  expect_error(finemap_data(X, s$Y), "column 2 \\(v2\\)", class = "mnmash_error_value")
  X <- s$X
  colnames(X)[7] <- "v1"
  expect_error(finemap_data(X, s$Y), "\"v1\" is there twice", class = "mnmash_error_names")
  expect_error(finemap_data(s$X[-1, ], s$Y), class = "mnmash_error_dimension")
  Z <- matrix(rnorm(40 * 3), 40, dimnames = list(colnames(s$X), NULL))
  LD <- cor(s$X)
  other <- LD
  dimnames(other) <- rep(list(sub("v9$", "w9", colnames(LD))), 2)
  expect_error(finemap_sumstats(Z, other, 100), "lacks 1 of 40 variables \\(v9\\).*\\(w9\\)",
               class = "mnmash_error_names")
  expect_error(finemap_sumstats(Z, LD[1:39, 1:39], 100), "lacks 1 of 40 variables \\(v40\\)",
               class = "mnmash_error_names")
  bad <- LD
  bad[2, 1] <- 0.9
  expect_error(finemap_sumstats(Z, bad, 100), "row 2", class = "mnmash_error_asymmetric")
  bad[1, 2] <- 0.9
  bad[3, 1:2] <- bad[1:2, 3] <- c(0.9, -0.9)
  expect_error(finemap_sumstats(Z, bad, 100), class = "mnmash_error_not_psd")
  LD[5, 6] <- NA
  expect_error(finemap_sumstats(Z, LD, 100), class = "mnmash_error_missing")
  LD <- cor(s$X)
  expect_warning(z <- finemap_sumstats(Z, LD), class = "mnmash_warning_sample_size")
  expect_error(finemap(z, s$prior), "`V`", class = "mnmash_error_argument")
  expect_error(finemap_sumstats(Z, LD, c(10, 20)), "`n`", class = "mnmash_error_dimension")
  expect_error(finemap_sumstats(Z, 2 * LD, 100), "correlations", class = "mnmash_error_value")
  expect_error(finemap_suffstat(LD, Z, diag(3)), "`n`", class = "mnmash_error_argument")
  expect_warning(finemap(data, s$prior, L = 41, n_threads = 1), "`L` is 41",
                 class = "mnmash_warning_argument")
  expect_error(finemap(data, s$prior, V = diag(2)), "`V` must be 3 x 3, not 2 x 2",
               class = "mnmash_error_dimension")
  expect_error(finemap(data, s$prior, V = -diag(3)), class = "mnmash_error_not_psd")
  expect_error(finemap(data, list(diag(2))), "2 conditions", class = "mnmash_error_dimension")
  expect_error(finemap(data, s$prior, prior_weights = rep(0, 40)), class = "mnmash_error_value")
  expect_error(finemap(s$X, s$prior), class = "mnmash_error_type")
  expect_warning(finemap(data, s$prior, max_iter = 1, n_threads = 1),
                 class = "mnmash_warning_convergence")
})
