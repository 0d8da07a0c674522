# A region in other orders, units and containers: the same fit.

named_case <- function(n = 300, p = 40) {
  set.seed(2)
  X <- matrix(rbinom(n * p, 2, 0.3), n, dimnames = list(paste0("s", 1:n), paste0("rs", 1:p)))
  for (j in 2:p) if (j %% 10 != 1) X[, j] <- ifelse(runif(n) < 0.7, X[, j - 1], X[, j])
  B <- matrix(0, p, 3)
  B[20, ] <- c(1, 0, 0)
  B[35, ] <- c(0, 0.8, 0.8)
  conditions <- c("brain", "liver", "blood")
  Y <- X %*% B + matrix(rnorm(3 * n), n)
  colnames(Y) <- conditions
  named <- \(U) `dimnames<-`(U, list(conditions, conditions))
  U <- list(
    brain = named(diag(c(1, 0, 0))), shared = named(matrix(1, 3, 3)),
    two = named(rbind(0, c(0, 1, 1), c(0, 1, 1)))
  )
  V <- named(matrix(c(1.5, 0.2, 0.1, 0.2, 1, 0.3, 0.1, 0.3, 1.2), 3))
  s <- univariate_sumstats(X, Y)
  list(
    X = X, Y = Y, U = U, prior = list(U = U, w = c(0.2, 0.5, 0.3)), V = V, s = s,
    Z = s$Bhat / s$Shat, LD = cor(X), turned = c("blood", "brain", "liver")
  )
}

# All that a fit says, in the order of `variables` and `conditions`.
says <- function(fit, variables, conditions) {
  cells <- \(x) x[variables, conditions]
  list(
    pip = fit$pip[variables], coef = cells(fit$coef), lfsr = cells(fit$lfsr),
    V = fit$V[conditions, conditions], elbo = tail(fit$elbo, 1),
    sets = lapply(fit$sets, \(s) sort(names(s$variables)))
  )
}

expect_same <- function(fit, other, tolerance = 1e-9, ...) {
  variables <- names(fit$pip)
  conditions <- colnames(fit$lfsr)
  expect_equal(
    says(other, variables, conditions), says(fit, variables, conditions), tolerance = tolerance, ...
  )
}

test_that("priors, covariances and weights are matched by name", {
  d <- named_case()
  data <- finemap_data(d$X, d$Y)
  w <- setNames(rep(1, 40), colnames(d$X))
  w["rs20"] <- 50
  fit <- finemap(data, d$prior, V = d$V, prior_weights = w)
  back <- d$turned
  other <- list(U = lapply(d$U, \(u) u[back, back]), w = d$prior$w)
  expect_same(fit, finemap(data, other, V = d$V[back, back], prior_weights = rev(w)))
  # Of more conditions and variables: the margin.
  wide <- lapply(other$U, \(u) {
    out <- rbind(cbind(u, skin = 0.1 * u[, 1]), skin = 0)
    out[4, ] <- c(out[1:3, 4], 1)
    out
  })
  expect_message(
    larger <- finemap(
      data, list(U = wide, w = d$prior$w), V = rbind(cbind(d$V, skin = 0), skin = c(0, 0, 0, 1)),
      prior_weights = c(other = 9, w)
    ), "3 of its 4 conditions"
  )
  expect_same(fit, larger)
  wrong <- lapply(d$U, `dimnames<-`, rep(list(c("brain", "liver", "skin")), 2))
  expect_error(finemap(data, wrong), "lacks 1 of 3 conditions \\(blood\\)",
               class = "mnmash_error_names")
  expect_error(finemap(data, d$prior, V = wrong[[2]]), "`V`", class = "mnmash_error_names")
  names(w)[3] <- "nobody"
  expect_error(finemap(data, d$prior, prior_weights = w), "rs3", class = "mnmash_error_names")
})

test_that("samples, products, statistics and correlations are matched by name", {
  d <- named_case()
  n <- nrow(d$X)
  order <- sample(n)
  there <- sample(40)
  fit <- finemap(finemap_data(d$X, d$Y), d$prior, V = d$V)
  expect_same(fit, finemap(finemap_data(d$X, d$Y[order, ]), d$prior, V = d$V))
  expect_same(
    fit, finemap(finemap_data(d$X[order, there], d$Y[, 3:1]), d$prior, V = d$V), tolerance = 1e-6
  )
  lost <- d$Y
  rownames(lost)[4] <- "nobody"
  expect_error(finemap_data(d$X, lost), "s4.*nobody", class = "mnmash_error_names")
  expect_error(finemap_data(d$X, d$Y[-1, ]), "s1", class = "mnmash_error_names")
  x <- scale(d$X, scale = FALSE)
  y <- scale(d$Y, scale = FALSE)
  products <- finemap(
    finemap_suffstat(
      crossprod(x)[there, there], crossprod(x, y), crossprod(y)[3:1, 3:1], n,
      colMeans(d$X)[there], colMeans(d$Y)[3:1]
    ), d$prior, V = d$V
  )
  expect_same(fit, products)
  expect_equal(products$intercept, fit$intercept, tolerance = 1e-9)
  each <- c(brain = 300, liver = 280, blood = 250)
  sumstats <- \(...) {
    given <- list(Bhat = d$s$Bhat, Shat = d$s$Shat, LD = d$LD, n = each)
    finemap(do.call(finemap_sumstats, modifyList(given, list(...))), d$prior, V = cov2cor(d$V))
  }
  fit <- sumstats()
  expect_same(fit, sumstats(
    Shat = d$s$Shat[there, 3:1], LD = d$LD[there, there], n = each[c(2, 3, 1)]
  ))
  larger <- rbind(cbind(d$LD, rs99 = 0), rs99 = c(rep(0, 40), 1))
  expect_same(fit, suppressMessages(sumstats(LD = larger)))
  many <- matrix(each, 40, 3, byrow = TRUE, dimnames = dimnames(d$Z))
  expect_same(fit, sumstats(n = many[, 3:1]))
  expect_error(sumstats(n = replace(many, 7, 9)), "same for all variables", class = "mnmash_error")
  expect_error(sumstats(n = setNames(each, c("a", "b", "c"))), "`n`", class = "mnmash_error_names")
  names <- colnames(d$LD)
  names[2] <- "nobody"
  expect_error(sumstats(LD = `dimnames<-`(d$LD, list(names, names))), "rs2",
               class = "mnmash_error_names")
  expect_error(sumstats(Shat = `rownames<-`(d$s$Shat, names)), "`Shat`.*rs2",
               class = "mnmash_error_names")
})

test_that("effects of statistics are in the units of the effects given", {
  d <- named_case()
  n <- nrow(d$X)
  y <- 10 * d$Y[, "brain"]
  s <- univariate_sumstats(d$X, y)
  rows <- finemap(finemap_data(d$X, y), 1)
  other <- finemap(finemap_sumstats(Bhat = s$Bhat, Shat = s$Shat, LD = d$LD, n = n), 1)
  expect_equal(coef(other), coef(rows)[-1, , drop = FALSE], tolerance = 1e-9, ignore_attr = TRUE)
  expect_equal(summary(other)[c("effect", "se")], summary(rows)[c("effect", "se")],
               tolerance = 1e-9)
  centred <- \(x) x - mean(x)
  expect_equal(
    centred(predict(other, d$X)), centred(predict(rows, d$X)), tolerance = 1e-9, ignore_attr = TRUE
  )
  # Other units of each condition and variable, with several sample sizes and without any.
  unit <- outer(2^seq(-3, 3, length.out = 40), c(1, 100, 0.01))
  for (size in list(n, c(n, 250, 200), NULL)) {
    run <- \(unit) suppressWarnings(finemap(
      finemap_sumstats(Bhat = d$s$Bhat * unit, Shat = d$s$Shat * unit, LD = d$LD, n = size),
      d$prior, V = cov2cor(d$V)
    ))
    plain <- run(1)
    scaled <- run(unit)
    expect_equal(pip(scaled), pip(plain), tolerance = 1e-10)
    expect_equal(coef(scaled), coef(plain) * unit, tolerance = 1e-10)
    at <- match(summary(plain)$sentinel, colnames(d$X))
    to <- unit[cbind(at, match(summary(plain)$condition, colnames(d$Y)))]
    expect_equal(summary(scaled)$effect, summary(plain)$effect * to, tolerance = 1e-10)
    expect_equal(summary(scaled)$se, summary(plain)$se * to, tolerance = 1e-10)
  }
})

test_that("a prior of effects is one of effects whatever it comes by", {
  d <- named_case()
  n <- nrow(d$X)
  U <- lapply(d$U, `*`, 0.3)
  effects <- as_prior(list(U = U, w = d$prior$w, units = "effect", effect_model = "EE"))
  Y <- sweep(d$Y, 2, c(1, 20, 0.05), "*")
  rows <- finemap_data(d$X, Y)
  fit <- finemap(rows, effects, V = cov(Y))
  expect_same(fit, finemap(rows, list(U = U, w = d$prior$w), V = cov(Y), effect_model = "EE"))
  # What the data say of the outcomes' units: their ratios.
  s <- univariate_sumstats(d$X, Y)
  statistics <- finemap_sumstats(Bhat = s$Bhat, Shat = s$Shat, LD = d$LD, n = n)
  by_effects <- finemap(statistics, effects, V = cor(Y))
  expect_equal(pip(by_effects), pip(fit), tolerance = 1e-4)
  expect_equal(coef(by_effects), coef(fit)[-1, ], tolerance = 1e-3)
  expect_error(finemap(statistics, effects, V = cor(Y), scale = "fixed"), "`Shat`",
               class = "mnmash_error_units")
  Z <- finemap_sumstats(s$Bhat / s$Shat, d$LD, n)
  expect_error(finemap(Z, effects, V = cor(Y)), "`Bhat` and `Shat`", class = "mnmash_error_units")
  expect_error(finemap(rows, effects, effect_model = "EZ"), "`effect_model`",
               class = "mnmash_error_units")
  joint <- mr_mash(d$X, d$Y, prior = d$U, grid = c(0.1, 0.4))
  rows <- finemap_data(d$X, d$Y)
  one <- finemap(rows, joint, V = joint$V)
  expect_same(one, finemap(rows, as_prior(joint), V = joint$V))
  # Units of the outcomes, in which the prior is learnt too.
  factors <- fqtl(d$Y, d$X, K = 2)
  fit <- finemap(rows, as_prior(factors))
  unit <- c(1, 20, 0.05)
  other <- finemap(finemap_data(d$X, Y), as_prior(fqtl(Y, d$X, K = 2)))
  expect_equal(pip(other), pip(fit), tolerance = 1e-6)
  expect_equal(coef(other), sweep(coef(fit), 2, unit, "*"), tolerance = 1e-6)
})

test_that("numbers and matrices are scaled as mvsusieR does", {
  d <- named_case()
  y <- 3 * d$Y[, "brain"]
  data <- finemap_data(d$X, y)
  run <- \(prior, ...) suppressWarnings(finemap(data, prior, L = 3, scale = "fixed", ...))
  for (standardize in c(TRUE, FALSE)) {
    compat <- run(0.2, compat = "mvsusieR", standardize = standardize)
    known <- run(
      0.2 * var(y), effect_model = "EE", standardize = standardize, tol = 1e-8, estimate_V = "none"
    )
    expect_equal(pip(compat), pip(known), tolerance = 1e-3)
  }
  expect_error(run(0.2, compat = "mvsusieR", effect_model = "EE"), "`effect_model` has no use",
               class = "mnmash_error_argument")
})

test_that("covariates are regressed out, and new samples are predicted by name", {
  d <- named_case()
  set.seed(4)
  n <- nrow(d$X)
  frame <- data.frame(
    age = rnorm(n, 50, 9), batch = factor(sample(letters[1:3], n, TRUE)), row.names = rownames(d$X)
  )
  Y <- d$Y + 0.1 * frame$age + 2 * (frame$batch == "b")
  fit <- finemap(finemap_data(d$X, Y, frame[n:1, 2:1]), d$prior)
  off <- \(M) residuals(lm(M ~ age + batch, frame))
  plain <- finemap(finemap_data(off(d$X), off(Y)), d$prior, V = fit$V)
  expect_equal(fit$pip, plain$pip, tolerance = 1e-8)
  expect_equal(coef(fit)[-1, ], coef(plain)[-1, ], tolerance = 1e-8)
  # Given the effects, those of the covariates are least squares.
  rest <- lm(Y - d$X %*% fit$coef ~ age + batch, frame)
  expected <- fitted(rest) + d$X %*% fit$coef
  expect_equal(predict(fit, d$X, frame), expected, tolerance = 1e-8)
  some <- frame[7:9, 2:1]
  some$batch <- as.character(some$batch)
  new <- cbind(d$X[7:9, 40:1], other = 1)
  expect_equal(suppressMessages(predict(fit, new, some)), expected[7:9, ], tolerance = 1e-8)
  expect_equal(
    predict(fit, d$X[7, ], frame[7, ]), expected[7, , drop = FALSE], tolerance = 1e-8,
    ignore_attr = TRUE
  )
  expect_error(predict(fit, d$X), "`covariates` is needed", class = "mnmash_error_argument")
  expect_error(predict(fit, d$X[, -2], frame), "rs2", class = "mnmash_error_names")
  expect_error(predict(plain, d$X, frame), "no use", class = "mnmash_error_argument")
  expect_error(predict(fit), "`newdata`", class = "mnmash_error_argument")
  expect_error(fitted(fit), "no samples", class = "mnmash_error_argument")
  expect_error(residuals(fit), "no samples", class = "mnmash_error_argument")
  X <- d$X
  X[, 3] <- 3 - frame$age
  expect_error(finemap(finemap_data(X, Y, frame), d$prior), "variable 3 \\(rs3\\)",
               class = "mnmash_error_value")
  Y[5, 2] <- NA
  expect_error(finemap_data(d$X, Y, frame), "complete outcomes", class = "mnmash_error_argument")
})

test_that("other containers, and samples without an outcome, give the same fit", {
  d <- named_case()
  y <- d$Y[, 1]
  fit <- finemap(finemap_data(d$X, y), 1)
  expect_same(fit, finemap(finemap_data(as.data.frame(d$X), y), 1))
  blocks <- genotype_blocks(40, \(k) d$X[, k, drop = FALSE], size = 7)
  expect_same(fit, finemap(finemap_data(blocks, y), 1))
  y[c(3, 80)] <- NA
  seen <- !is.na(y)
  less <- suppressMessages(finemap_data(d$X, y))
  expect_same(finemap(finemap_data(d$X[seen, ], y[seen]), 1), finemap(less, 1))
  above <- finemap(finemap_data(d$X, d$Y[, 1] > 1), 1)
  expect_same(above, finemap(finemap_data(d$X, (d$Y[, 1] > 1) + 0), 1))
  skip_if_not_installed("Matrix")
  expect_same(fit, finemap(finemap_data(Matrix::Matrix(d$X, sparse = TRUE), d$Y[, 1]), 1))
})

test_that("tables have a row for each variable, condition and set", {
  d <- named_case()
  fit <- finemap(finemap_data(d$X, d$Y), d$prior, V = d$V)
  table <- as.data.frame(fit)
  expect_identical(
    names(table), c("predictor", "condition", "set", "pip", "probability", "effect", "lfsr",
                    "set_lfsr", "signal_lfsr")
  )
  inside <- table[!is.na(table$set), ]
  expect_equal(nrow(inside), 3 * sum(lengths(lapply(fit$sets, `[[`, "variables"))))
  expect_setequal(table$predictor, colnames(d$X))
  row <- table[table$predictor == "rs35" & table$condition == "blood", ]
  expect_equal(row$effect, fit$coef["rs35", "blood"])
  expect_equal(row$lfsr, fit$lfsr["rs35", "blood"])
  expect_equal(row$probability, fit$alpha[row$set, "rs35"])
  sums <- tapply(inside$probability, list(inside$set, inside$condition), sum)
  coverage <- vapply(fit$sets, `[[`, 0, "coverage")
  expect_equal(unname(sums[names(coverage), 1]), unname(coverage))
  expect_equal(as.numeric(logLik(fit)), tail(fit$elbo, 1))
  expect_equal(nobs(fit), nrow(d$X))
  expect_error(pip(fit, tipo = 1), class = "mnmash_error_argument")
  expect_error(finemap(finemap_data(d$X, d$Y), d$prior, covrage = 0.9), "did you mean `coverage`",
               class = "mnmash_error_argument")
})

test_that("an entry is found by its whole name", {
  d <- named_case()
  data <- finemap_data(d$X, d$Y)
  fit <- finemap(data, d$prior, L = 2)
  expect_null(fit$eff)
  expect_null(fit$prior_w)
  expect_null(data$va)
  factors <- fqtl(d$Y, d$X, K = 1)
  expect_null(factors$X)
  expect_null(factors$fitted)
  expect_identical(factors$fitted.values, fitted(factors))
  found <- bmass(d$Z, n = 300, V = cov2cor(d$V))
  expect_null(found$mod)
  expect_null(qc_sumstats(d$Z, d$LD, 300)$least)
})

test_that("tables and single rows are in the words of broom", {
  skip_if_not_installed("generics")
  d <- named_case()
  fit <- finemap(finemap_data(d$X, d$Y), d$prior, V = d$V)
  table <- generics::tidy(fit)
  expect_identical(names(table)[c(1, 2, 6)], c("term", "response", "estimate"))
  expect_equal(table$estimate, as.data.frame(fit)$effect)
  one <- generics::glance(fit)
  expect_equal(one$sets, length(fit$sets))
  expect_equal(one$nobs, nobs(fit))
  z <- suppressWarnings(finemap_sumstats(d$Z, d$LD))
  expect_error(nobs(finemap(z, d$prior, V = cov2cor(d$V))), "without `n`",
               class = "mnmash_error_argument")
  factors <- fqtl(d$Y, d$X, K = 1)
  expect_identical(names(generics::tidy(factors)), c("term", "response", "estimate", "std.error",
                                                     "pip"))
  expect_equal(generics::glance(factors)$factors, factors$rank)
  loci <- data.frame(locus = rep(1:20, each = 5), z = rep_len(c(5, 0.1, -0.3, 0.6), 100))
  found <- suppressWarnings(enrich(loci, cbind(near = rep_len(c(1, 0, 0), 100)), penalty = 1))
  expect_equal(generics::tidy(found)$estimate, unname(coef(found)))
  expect_identical(generics::tidy(found)$term, c("(Intercept)", "near"))
  expect_equal(generics::glance(found)$loci, 20)
  expect_output(print(summary(found)), "fdr < 0.05: ")
  models <- bmass(d$Z, n = 300, V = cov2cor(d$V))
  expect_equal(generics::tidy(models)$direct, as.data.frame(models)$direct)
  expect_equal(generics::glance(models)$expected_associated, sum(1 - models$posterior[1, ]))
  checked <- qc_sumstats(d$Z, d$LD, 300)
  expect_identical(names(generics::tidy(checked))[1:2], c("term", "response"))
  expect_equal(generics::glance(checked)$outliers, sum(checked$variables$outlier))
})
