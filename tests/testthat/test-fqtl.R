# Factored regression: against lm, glm, other programs' stored results, and known truth.

average_precision <- function(score, truth) {
  truth <- truth[order(-score, truth)]
  mean((cumsum(truth) / seq_along(truth))[truth == 1])
}

factored_data <- function(n = 200, p = 60, m = 8, seed = 1, missing = 0.3) {
  set.seed(seed)
  X <- matrix(rbinom(n * p, 2, 0.3), n, dimnames = list(NULL, paste0("snp", seq_len(p))))
  B <- matrix(0, p, m)
  if (p >= 30 && m >= 6) {
    B[7, 1:4] <- c(1, 0.8, 1.2, -1)
    B[30, 3:6] <- c(0.7, -0.9, 0.8, 0.7)
  }
  eta <- X %*% B
  Y <- eta + matrix(rnorm(n * m), n)
  colnames(Y) <- paste0("tissue", seq_len(m))
  full <- Y
  Y[sample(length(Y), missing * length(Y))] <- NA
  list(X = X, Y = Y, B = B, eta = eta, full = full)
}

test_that("two factors are found, with their variants and tissues, from incomplete outcomes", {
  d <- factored_data()
  fit <- fqtl(d$Y, d$X, n_threads = 1)
  expect_equal(fit$rank, 2)
  expect_setequal(which(pip(fit) > 0.5), c(7, 30))
  expect_lt(max(abs(fit$B - d$B)), 0.45)
  inside <- mean(abs(fit$B - d$B)[d$B != 0] < 1.96 * fit$B_sd[d$B != 0])
  expect_gt(inside, 0.7)
  expect_true(all(diff(fit$elbo) > -1e-8 * abs(fit$elbo[1])))
  expect_true(fit$converged)
  holes <- is.na(d$Y)
  imputed <- fqtl_impute(fit, d$Y)
  expect_identical(imputed[!holes], d$Y[!holes])
  expect_gt(cor(imputed[holes], d$eta[holes]), 0.9)
  expect_equal(predict(fit, d$X), fitted(fit), ignore_attr = TRUE)
  expect_equal(cbind(1, d$X) %*% coef(fit), fitted(fit), ignore_attr = TRUE)
  expect_identical(rownames(fit$B), colnames(d$X))
  expect_identical(colnames(coef(fit)), colnames(d$Y))
  expect_identical(
    fit[names(fit) != "call"],
    fqtl(d$Y, d$X, n_threads = 2)[names(fit) != "call"]
  )
})

test_that("the order of the outcomes, and the units of X and Y, do not matter", {
  d <- factored_data(seed = 2)
  fit <- fqtl(d$Y, d$X, tol = 1e-9)
  turned <- fqtl(d$Y[, 8:1], d$X, tol = 1e-9)
  expect_equal(turned$B[, 8:1], fit$B, tolerance = 1e-5, ignore_attr = TRUE)
  scaled <- fqtl(100 * d$Y + 5, d$X / 10, tol = 1e-9)
  expect_equal(scaled$B / 1000, fit$B, tolerance = 1e-4)
  expect_equal(pip(scaled), pip(fit), tolerance = 1e-4)
})

test_that("outcomes without effects have no factor", {
  ranks <- vapply(1:12, \(seed) {
    set.seed(seed)
    X <- matrix(rbinom(150 * 80, 2, 0.3), 150)
    fqtl(matrix(rnorm(150 * 10), 150), X)$rank
  }, 1)
  expect_equal(sum(ranks), 0)
})

test_that("the simulation of the earlier program is done at least as well", {
  case <- reference_case("fqtl_sim_A3")
  X <- scale(case$input$genotype, scale = FALSE)
  Y <- scale(case$input$Y)
  truth <- case$input$truth
  fit <- fqtl(Y, X, K = 5)
  effects <- X %*% fit$B
  causal <- seq_len(ncol(X)) %in% truth$causal_snps
  expect_gte(average_precision(apply(abs(fit$u$mean), 1, max), causal), case$output$snp_auprc)
  tissues <- seq_len(ncol(Y)) %in% truth$causal_tissues
  expect_gte(average_precision(apply(effects, 2, var), tissues), case$output$tissue_auprc)
  expect_equal(fit$rank, truth$rank)
})

test_that("without shrinkage a regression is that of lm, outcome by outcome", {
  d <- factored_data(n = 80, p = 3, m = 3, seed = 3)
  d$X <- d$X + rnorm(length(d$X), sd = 0.1)
  Z <- cbind(age = rnorm(80))
  fit <- fqtl_regression(
    d$Y, d$X,
    covariates = Z, u_prior = "spike_slab", prior = list(pi_direct = 1, tau_direct = 1e-9),
    tol = 1e-13, max_iter = 5000
  )
  for (t in 1:3) {
    expected <- coef(lm(d$Y[, t] ~ d$X + Z))
    found <- c(coef(fit)[, t], fit$covariates["age", t])
    expect_equal(unname(found), unname(expected), tolerance = 1e-5)
  }
})

test_that("spike and slab at fixed hyper-parameters has the fixed point of varbvs", {
  case <- reference_case("varbvs_spike_slab")
  input <- case$input
  at <- input$spike_slab
  expected <- case$output$gaussian
  y <- input$y
  bounds <- at$sigma / mean((y - mean(y))^2) * c(1 - 1e-12, 1)
  X <- scale(input$X, scale = FALSE)
  unit <- mean(X^2) / mean((y - mean(y))^2)
  fit <- fqtl_regression(
    y, input$X,
    u_prior = "spike_slab",
    prior = list(
      pi_direct = plogis(at$logodds_base10 * log(10)), tau_direct = 1 / (at$sa * at$sigma) / unit
    ),
    variance_bounds = bounds, tol = 1e-12, max_iter = 5000
  )
  expect_equal(unname(fit$direct$pip[, 1]), c(expected$alpha), tolerance = 1e-5)
})

test_that("counts have the means and sizes of maximum likelihood", {
  case <- reference_case("nb_intercept")
  for (name in names(case$input)) {
    input <- case$input[[name]]
    expected <- case$output[[name]]
    for (link in c("log", "odds")) {
      fit <- fqtl(
        input$y, matrix(rnorm(length(input$y)), ncol = 1), K = 0, family = "nb", nb_link = link,
        offset = log(input$size_factor), tol = 1e-8
      )
      size <- fit$dispersion$value[1]
      mean <- exp(fit$covariates[1]) * if (link == "odds") size else 1
      expect_equal(mean, expected$mean, tolerance = 0.01, label = paste(name, link, "mean"))
      expect_equal(size, expected$size, tolerance = 0.05, label = paste(name, link, "size"))
      expect_true(fit$converged)
    }
  }
})

test_that("binary outcomes, counts, log-counts and proportions each show their factor", {
  set.seed(5)
  n <- 300
  X <- matrix(rbinom(n * 30, 2, 0.4), n)
  effect <- X[, 11] %o% c(1, 1, -0.8, 0, 0)
  eta <- effect - rep(colMeans(effect), each = n)
  cells <- n * 5
  outcomes <- list(
    binomial = matrix(rbinom(cells, 1, plogis(1.5 * eta)), n),
    nb = matrix(rnbinom(cells, mu = exp(2 + eta), size = 3), n),
    voom = log(matrix(rnbinom(cells, mu = exp(4 + eta), size = 3), n) + 0.5),
    beta = matrix(rbeta(cells, 6 * plogis(eta), 6 * plogis(-eta)), n)
  )
  for (family in names(outcomes)) {
    Y <- outcomes[[family]]
    Y[sample(cells, 100)] <- NA
    fit <- fqtl(Y, X, family = family)
    expect_equal(fit$rank, 1, label = paste(family, "rank"))
    expect_identical(unname(which(pip(fit) > 0.5)), 11L, label = family)
    expect_true(all(diff(fit$elbo) > -1e-8 * abs(fit$elbo[1])), label = family)
    scale <- sum(fit$B[11, 1:3] * c(1, 1, -0.8)) / sum(c(1, 1, -0.8)^2)
    wanted <- if (family == "binomial") 1.5 else 1
    expect_equal(scale, wanted, tolerance = 0.25, label = paste(family, "effect"))
    expect_true(all(is.finite(fitted(fit))))
  }
})

test_that("a covariate of the variance has its effect on the log-variance", {
  set.seed(6)
  n <- 450
  z <- rnorm(n)
  X <- matrix(rbinom(n * 20, 2, 0.4), n)
  Y <- X[, 3] %o% c(0.5, 0.5) + exp(0.5 * z) * matrix(rnorm(2 * n), n)
  fit <- fqtl(Y, X, var_covariates = cbind(z = z))
  expect_equal(unname(fit$dispersion$theta["z", ]), c(1, 1), tolerance = 0.2)
  covered <- abs(fit$dispersion$theta["z", ] - 1) < 2.6 * fit$dispersion$se["z", ]
  expect_true(all(covered))
})

test_that("log2 counts per million are modelled in their own units", {
  set.seed(7)
  n <- 250
  library <- round(exp(rnorm(n, 13, 0.4)))
  X <- matrix(rbinom(n * 20, 2, 0.4), n)
  eta <- log(50) + 0.5 * X[, 3] %o% c(1, 1)
  counts <- matrix(rnbinom(2 * n, mu = exp(eta) * library / 1e6, size = 5), n)
  Y <- log2((counts + 0.5) / (library + 1) * 1e6)
  fit <- fqtl(Y, X, family = "voom", library_size = library)
  expect_equal(unname(fit$B[3, ]), rep(0.5 / log(2), 2), tolerance = 0.25)
  expect_equal(colMeans(fitted(fit)), colMeans(Y), tolerance = 0.02)
})

test_that("loadings may be kept from being negative, and samples weighted", {
  set.seed(8)
  n <- 300
  X <- matrix(rbinom(n * 40, 2, 0.4), n)
  W <- matrix(rexp(n * 3), n)
  W <- W / rowSums(W)
  Y <- (W[, 1] * X[, 5]) %o% c(3, 3, 2, 0) + (W[, 3] * X[, 20]) %o% c(0, 2, 3, 3) +
    matrix(rnorm(n * 4), n)
  fit <- fqtl(Y, X, weights = W, nonneg = TRUE)
  expect_setequal(fit$factor_weight, c(1, 3))
  expect_true(all(fit$v$mean >= 0))
  at <- vapply(seq_len(2), \(k) unname(which.max(fit$u$pip[, k])), 1L)
  expect_identical(at[order(fit$factor_weight)], c(5L, 20L))
})

test_that("single effects give credible sets that hold the variants", {
  d <- factored_data(seed = 9)
  d$X[, 8] <- d$X[, 7]
  fit <- fqtl(d$Y, d$X, u_prior = "susie", L = 3)
  sets <- credible_sets(fit)
  expect_s3_class(sets, "credible_sets")
  found <- lapply(sets, \(s) unname(s$variables))
  expect_true(any(vapply(found, \(s) setequal(s, c(7, 8)), NA)))
  expect_true(any(vapply(found, \(s) identical(s, 30L), NA)))
  for (s in sets) {
    alpha <- fit$u$alpha[[s$factor]][s$variables, s$effect]
    expect_identical(s$alpha, unname(alpha))
    expect_equal(s$coverage, sum(alpha))
    expect_gt(s$probability, 0.5)
  }
  # Twins share the probability.
  expect_equal(unname(pip(fit)[7]), unname(pip(fit)[8]), tolerance = 1e-6)
})

test_that("direct effects of allowed predictors are found beside a factor", {
  d <- factored_data(seed = 10)
  d$Y[, 8] <- d$Y[, 8] + 0.8 * d$X[, 50]
  cis <- matrix(FALSE, 60, 8)
  cis[41:60, 8] <- TRUE
  fit <- fqtl(d$Y, d$X, cis = cis)
  expect_identical(unname(which(fit$direct$pip > 0.5, arr.ind = TRUE)), cbind(50L, 8L))
  expect_true(all(fit$direct$mean[!cis] == 0))
  expect_true(7 %in% which(pip(fit, "outcome")[, 1] > 0.5))
  # Each factor has its own variant and its own outcomes, though two outcomes have both.
  expect_identical(colSums(fit$u$pip > 0.5), c(factor_1 = 1, factor_2 = 1))
  first <- which(fit$u$pip["snp7", ] > 0.5)
  expect_identical(unname(which(fit$v$pip[, first] > 0.5)), 1:4)
  expect_identical(unname(which(fit$v$pip[, -first] > 0.5)), 3:6)
})

test_that("a factorisation with missing cells spans the truth", {
  set.seed(11)
  n <- 100
  U <- matrix(rnorm(n * 3), n)
  V <- matrix(rnorm(n * 3) * rbinom(n * 3, 1, 0.5), n)
  truth <- U %*% t(V)
  full <- truth + matrix(rnorm(n * n, sd = 0.5), n)
  Y <- full
  Y[sample(n * n, 1000)] <- NA
  fit <- fqtl_factorize(Y, K = 6)
  expect_equal(fit$rank, 3)
  expect_true(all(cancor(U, fit$u$mean)$cor > 0.99))
  holes <- is.na(Y)
  expect_lt(sqrt(mean((fitted(fit) - truth)[holes]^2)), 0.15)
  W <- cbind(runif(n), runif(n))
  G <- matrix(rnorm(2 * n), n)
  mixed <- (W * G) %*% t(matrix(rnorm(40), 20)) + matrix(rnorm(n * 20, sd = 0.1), n)
  parts <- fqtl_factorize(mixed, weights = W)
  expect_setequal(parts$factor_weight, 1:2)
  rebuilt <- Reduce(`+`, lapply(1:2, \(k) {
    (W[, parts$factor_weight[k]] * parts$u$mean[, k]) %o% parts$v$mean[, k]
  }))
  expect_gt(cor(c(rebuilt), c(mixed)), 0.99)
})

test_that("the loadings are a prior that mash takes", {
  d <- factored_data()
  prior <- as_prior(fqtl(d$Y, d$X))
  expect_s3_class(prior, "mnmash_prior")
  expect_identical(rownames(prior$U[[1]]), colnames(d$Y))
  expect_gt(prior$null_weight, 0.9)
  strongest <- stats::cov2cor(prior$U[[1]])
  expect_lt(strongest["tissue1", "tissue4"] * sign(strongest["tissue1", "tissue2"]), -0.8)
})

test_that("bad input is an error that says where", {
  d <- factored_data(n = 50, p = 5, m = 3)
  expect_error(fqtl(d$Y, d$X[-1, ]), "`Y` has 50 rows \\(samples\\), but `X` has 49",
               class = "mnmash_error_dimension")
  d$X[3, 2] <- NA
  expect_error(fqtl(d$Y, d$X), "row 3, column 2 \\(snp2\\)", class = "mnmash_error_missing")
  d$X[3, 2] <- 1
  gone <- d$Y
  gone[, 2] <- NA
  expect_error(fqtl(gone, d$X), "column 2 \\(tissue2\\)", class = "mnmash_error_missing")
  expect_error(fqtl(d$Y, d$X, family = "nb"), "counts, not negative", class = "mnmash_error_value")
  expect_error(fqtl(d$Y, d$X, family = "poisson"), "`family` must be one of")
  expect_error(fqtl(d$Y, d$X, prior = list(pi = 0.1)), "`prior` may have elements")
  expect_error(fqtl(d$Y, 0 * d$X), "`X` is constant")
  expect_error(fqtl(d$Y, d$X, covariates = rep(1, 50)), "constant column")
  expect_error(
    fqtl(d$Y, d$X, cis = matrix(TRUE, 2, 2)), "`cis` has 2 variants, but `X` has 5",
    class = "mnmash_error_dimension"
  )
  fit <- fqtl(d$Y, d$X)
  expect_error(predict(fit, d$X[, -1]), "lacks 1 of 5.*snp1", class = "mnmash_error_names")
  spikes <- fqtl(d$Y, d$X, u_prior = "spike_slab")
  expect_error(credible_sets(spikes), "susie")
})

test_that("the pictures show every outcome, and variants that may be in", {
  skip_if_not_installed("ggplot2")
  fit <- fqtl(factored_data()$Y, factored_data()$X)
  plot <- plot(fit)
  expect_setequal(as.character(plot$data$row[plot$data$side == "Outcomes"]), paste0("tissue", 1:8))
  expect_true(all(c("snp7", "snp30") %in% plot$data$row))
  expect_s3_class(plot(fit, "elbo"), "ggplot")
})
