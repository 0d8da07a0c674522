# Errors of sets: enumeration of places, components and effects, and identities.

max_diff <- function(a, b) max(abs(unname(a) - unname(b)))

# A few variables, some of them alike, and a prior with exact zeros.
few_variables <- function(R = 2, n = 80, seed = 5) {
  set.seed(seed)
  base <- matrix(rnorm(n * 3), n)
  X <- cbind(base[, 1], base[, 1] + 0.3 * rnorm(n), -base[, 1] + 0.4 * rnorm(n), base[, 2:3],
             base[, 2] + 0.5 * rnorm(n))
  X <- scale(X, scale = FALSE)
  dimnames(X) <- list(NULL, paste0("v", 1:6))
  V <- diag(R) * 0.7 + 0.3
  B <- c(0.45, 0, -0.3)[seq_len(R)]
  Y <- scale(X[, 2] %o% B + matrix(rnorm(n * R), n) %*% chol(V), scale = FALSE)
  colnames(Y) <- letters[seq_len(R)]
  first <- diag(c(0.08, numeric(R - 1)), R)
  full <- 0.02 + diag(0.03, R)
  list(X = X, Y = Y, V = V, prior = list(U = list(first = first, full = full), w = c(0.4, 0.6)))
}

exact_fit <- function(d, L, ...) {
  finemap(finemap_data(d$X, d$Y), d$prior, L = L, V = d$V, scale = "fixed", effect_model = "EE",
          standardize = FALSE, tol = 1e-13, max_iter = 2000, min_abs_corr = 0, n_threads = 1, ...)
}

# Log Bayes factor, mean and covariance of an effect of variable j under N(0, U), given residuals.
one_variable <- function(x, y, V, U) {
  d <- sum(x^2)
  bhat <- drop(crossprod(x, y)) / d
  S <- V / d
  C <- U + S
  log_bf <- 0.5 * (determinant(S)$modulus - determinant(C)$modulus +
                     bhat %*% solve(S, bhat) - bhat %*% solve(C, bhat))
  gain <- U %*% solve(C)
  list(log_bf = drop(log_bf), mean = drop(gain %*% bhat), covariance = U - gain %*% U)
}

# P(the effect is at j, in component k), and the moments there, given residuals `y`.
enumerated <- function(d, y) {
  p <- ncol(d$X)
  K <- length(d$prior$U)
  parts <- lapply(seq_len(p), \(j) lapply(d$prior$U, \(U) one_variable(d$X[, j], y, d$V, U)))
  log_q <- t(vapply(parts, \(of) vapply(of, `[[`, 0, "log_bf"), numeric(K)))
  log_q <- log_q + rep(log(d$prior$w), each = p) - log(p)
  total <- max(log_q) + log(sum(exp(log_q - max(log_q))))
  list(q = exp(log_q - total), parts = parts, log_bf = total)
}

# P(b > 0) and P(b < 0) of a normal, both zero where there is no variance.
signs <- function(mean, variance) {
  if (variance <= 0) return(c(0, 0))
  stats::pnorm(c(mean, -mean) / sqrt(variance))
}

# The moments of condition r, exactly zero where the prior is.
moments <- function(d, e, j, k, r) {
  part <- e$parts[[j]][[k]]
  if (d$prior$U[[k]][r, r] == 0) c(0, 0) else c(part$mean[r], part$covariance[r, r])
}

test_that("with one effect errors are those of the exact posterior", {
  for (R in 1:3) {
    d <- few_variables(R)
    if (R == 1) d$prior$U <- lapply(d$prior$U, \(U) U[1, 1, drop = FALSE])
    fit <- exact_fit(d, 1, coverage = 0.9)
    e <- enumerated(d, d$Y)
    # The effect is there with prior probability 1/3.
    there <- exp(e$log_bf) / (2 + exp(e$log_bf))
    set <- fit$sets$L1
    expect_gt(length(set$variables), 1)
    expect_lt(length(set$variables), 6)
    expect_equal(set$probability, there, tolerance = 1e-9)
    toward <- sign(cor(d$X)[, set$variables[1]])
    for (r in seq_len(R)) {
      right <- vapply(c(1, -1), \(s) {
        at <- outer(1:6, 1:2, Vectorize(\(j, k) {
          m <- moments(d, e, j, k, r)
          e$q[j, k] * signs(m[1], m[2])[if (s * toward[j] > 0) 1 else 2]
        }))
        there * c(sum(at[set$variables, ]), sum(at))
      }, numeric(2))
      best <- which.max(right[1, ])
      expect_equal(set$lfsr[[r]], 1 - right[1, best], tolerance = 1e-9)
      expect_equal(set$signal_lfsr[[r]], 1 - right[2, best], tolerance = 1e-9)
      expect_identical(set$sign[[r]], c(1, -1)[best])
    }
    expect_equal(1 - set$lfsr, set$probability * set$coverage * (1 - set$given_lfsr),
                 tolerance = 1e-9)
    expect_identical(lfsr(fit, "set"), rbind(L1 = set$lfsr))
    expect_identical(lfsr(fit, "signal"), rbind(L1 = set$signal_lfsr))
    old <- drop(fit$alpha[1, ] %*% fit$effects[[1]]$lfsr)
    expect_equal(unname(lfsr(fit, "single_effect")[1, ]), unname(old), tolerance = 1e-12)
    expect_true(all(lfsr(fit, "set")[1, ] >= 1 - set$coverage))
    expect_true(all(lfsr(fit, "signal") <= lfsr(fit, "set") + 1e-15))
  }
})

test_that("of two effects in one set the sign of their sum counts where they meet", {
  for (R in 2:3) {
    d <- few_variables(R, seed = 8)
    set.seed(2)
    d$Y <- scale(d$X[, 1] %o% c(0.5, 0.4, 0)[1:R] - d$X[, 1] %o% c(0.1, 0.5, 0.2)[1:R] +
                   matrix(rnorm(80 * R), 80), scale = FALSE)
    d$prior$U$second <- diag(c(0, 0.2, 0.1)[1:R])
    d$prior$w <- c(0.3, 0.4, 0.3)
    fit <- exact_fit(d, 2)
    expect_true(fit$converged)
    e <- lapply(1:2, \(l) {
      other <- fit$effects[[3 - l]]
      B <- matrix(0, 6, R)
      B[other$variable, ] <- other$mean * fit$alpha[3 - l, other$variable]
      enumerated(d, d$Y - d$X %*% B)
    })
    there <- mnmash:::effect_probability(fit)
    cells <- expand.grid(j = 0:6, k = 1:3)
    cells <- cells[cells$j > 0 | cells$k == 1, ]
    mass <- \(l) ifelse(cells$j == 0, 1 - there[[l]],
                        there[[l]] * e[[l]]$q[cbind(pmax(cells$j, 1), cells$k)])
    by_sums <- 0
    for (name in names(fit$sets)) {
      set <- fit$sets[[name]]
      S <- set$variables
      l <- as.integer(sub("L", "", name))
      toward <- sign(cor(d$X)[, S[1]])
      for (r in seq_len(R)) {
        wrong <- vapply(c(1, -1), \(s) {
          total <- c(0, 0)
          for (a in seq_len(nrow(cells))) for (b in seq_len(nrow(cells))) {
            at <- c(cells$j[a], cells$j[b])
            m <- lapply(1:2, \(i) {
              if (at[i] == 0) c(0, 0) else moments(d, e[[i]], at[i], cells$k[c(a, b)[i]], r)
            })
            no <- \(j, m) if (j %in% S) 1 - signs(m[1], m[2])[if (s * toward[j] > 0) 1 else 2] else 1
            apart <- no(at[1], m[[1]]) * no(at[2], m[[2]])
            met <- at[1] == at[2] && at[1] > 0
            none <- c(if (met) no(at[1], m[[1]] + m[[2]]) else apart, apart)
            total <- total + mass(1)[a] * mass(2)[b] * none
          }
          total
        }, numeric(2))
        # Of effects that compete for a place, q moves slowly to its limit.
        expect_equal(set$lfsr[[r]], min(wrong[1, ]), tolerance = 2e-4)
        expect_identical(set$sign[[r]], c(1, -1)[which.min(wrong[1, ])])
        by_sums <- max(by_sums, abs(min(wrong[1, ]) - min(wrong[2, ])))
      }
    }
    # A product of effects would not do.
    expect_gt(by_sums, 5e-4)
  }
})

test_that("without meetings, a set errs as the product of its effects", {
  d <- few_variables(2)
  fit <- exact_fit(d, 2)
  there <- mnmash:::effect_probability(fit)
  set <- fit$sets[[1]]
  product <- vapply(1:2, \(r) {
    right <- vapply(1:2, \(l) {
      effect <- fit$effects[[l]]
      at <- match(set$variables, effect$variable)
      toward <- sign(cor(d$X)[set$variables, set$variables[1]]) * set$sign[[r]]
      wrong <- ifelse(toward > 0, effect$not_positive[at, r], effect$not_negative[at, r])
      there[[l]] * sum(fit$alpha[l, set$variables] * (1 - wrong))
    }, 0)
    prod(1 - right)
  }, 0)
  # The second effect is hardly there, but enters.
  expect_lt(there[[2]], 0.6)
  expect_lt(max_diff(set$lfsr, product), 0.02)
  alone <- 1 - there[[1]] * set$coverage * (1 - set$given_lfsr)
  expect_true(all(set$lfsr < alone))
})

test_that("recoded alleles and copies of variables leave the errors", {
  d <- few_variables(2)
  fit <- exact_fit(d, 1, coverage = 0.9)
  turned <- d
  turned$X[, c(2, 5)] <- -turned$X[, c(2, 5)]
  again <- exact_fit(turned, 1, coverage = 0.9)
  lead <- fit$sets$L1$variables[1]
  expect_equal(again$sets$L1$lfsr, fit$sets$L1$lfsr, tolerance = 1e-10)
  expect_equal(again$sets$L1$signal_lfsr, fit$sets$L1$signal_lfsr, tolerance = 1e-10)
  expect_identical(again$sets$L1$sign, fit$sets$L1$sign * if (lead %in% c(2, 5)) -1 else 1)
  doubled <- d
  doubled$X <- cbind(d$X, copy = d$X[, lead])
  # Its prior probability is shared, too.
  weights <- rep(1, 7)
  weights[c(lead, 7)] <- 0.5
  split <- exact_fit(doubled, 1, coverage = 0.9, prior_weights = weights)
  expect_equal(split$sets$L1$lfsr, fit$sets$L1$lfsr, tolerance = 1e-9)
  expect_equal(split$sets$L1$signal_lfsr, fit$sets$L1$signal_lfsr, tolerance = 1e-9)
})

test_that("all kinds of data give the same errors, and an empty row adds nothing", {
  d <- few_variables(3)
  d$Y <- scale(d$Y)
  V <- cov2cor(d$V)
  fit <- \(data) finemap(data, d$prior, V = V, n_threads = 1)
  rows <- fit(finemap_data(d$X, d$Y))
  n <- nrow(d$X)
  s <- univariate_sumstats(d$X, d$Y)
  others <- list(
    fit(finemap_suffstat(crossprod(d$X), crossprod(d$X, d$Y), crossprod(d$Y), n)),
    fit(finemap_sumstats(s$Bhat / s$Shat, cor(d$X), n = n)),
    fit(finemap_sumstats(LD = cor(d$X), n = n, Bhat = s$Bhat, Shat = s$Shat)),
    fit(finemap_data(rbind(d$X, 0), rbind(d$Y, NA)))
  )
  expect_gt(length(rows$sets), 0)
  for (other in others[1:3]) {
    expect_equal(lfsr(other, "set"), lfsr(rows, "set"), tolerance = 1e-7)
    expect_equal(lfsr(other, "signal"), lfsr(rows, "signal"), tolerance = 1e-6)
    expect_equal(set_sharing(other, 0), set_sharing(rows, 0), tolerance = 1e-6)
  }
  # Variables are standardised over one row more.
  expect_equal(lfsr(others[[4]], "set"), lfsr(rows, "set"), tolerance = 0.02)
  expect_equal(set_sharing(others[[4]]), set_sharing(rows), tolerance = 0.02)
})

test_that("errors are in tables, and levels are asked for by name", {
  d <- few_variables(2)
  fit <- finemap(finemap_data(d$X, d$Y), d$prior, V = d$V, n_threads = 1)
  table <- summary(fit)
  set <- fit$sets[[1]]
  expect_identical(table$lfsr[1:2], unname(set$lfsr))
  expect_identical(table$signal_lfsr[1:2], unname(set$signal_lfsr))
  expect_identical(table$active, table$lfsr < 0.05)
  long <- as.data.frame(fit)
  member <- which(!is.na(long$set) & long$set == names(fit$sets)[1] & long$condition == "b")
  expect_true(all(long$set_lfsr[member] == set$lfsr[["b"]]))
  expect_true(all(long$signal_lfsr[member] == set$signal_lfsr[["b"]]))
  expect_true(all(is.na(long$set_lfsr[is.na(long$set)])))
  expect_output(print(fit), "lfsr < 0.05 in")
  wide <- lfsr(fit, "set", coverage = 0.999)
  expect_true(all(wide[names(fit$sets)[1], ] <= set$lfsr + 1e-12))
  expect_error(lfsr(fit, coverage = 0.9), "`coverage`.*level", class = "mnmash_error_argument")
  expect_error(lfsr(fit, "sets"), "`level`", class = "mnmash_error_argument")
  # Also where nothing is found, and by region.
  set.seed(3)
  nothing <- finemap(finemap_data(d$X, matrix(rnorm(160), 80)), d$prior, n_threads = 1)
  nothing$sets <- list()
  expect_identical(dim(lfsr(nothing, "set")), c(0L, 2L))
  expect_identical(dim(lfsr(nothing, "signal")), c(0L, 2L))
  expect_identical(nrow(set_sharing(nothing)), 0L)
  expect_true(all(is.na(as.data.frame(nothing)$set_lfsr)))
  regions <- each_region(list(one = d, two = d), \(d) {
    lfsr(finemap(finemap_data(d$X, d$Y), d$prior, V = d$V, n_threads = 1), "set")
  })
  expect_identical(regions$two, lfsr(fit, "set"))
})

test_that("with the true prior as many statements are wrong as promised", {
  set.seed(11)
  shapes <- list(all = c(1, 1, 1), two = c(1, 1, 0), one = c(0, 0, 1))
  U <- lapply(shapes, \(f) 0.05 * tcrossprod(f))
  w <- c(0.4, 0.3, 0.3)
  n <- 150
  found <- lapply(1:150, \(i) {
    X <- matrix(0, n, 30)
    X[, 1] <- rnorm(n)
    for (j in 2:30) X[, j] <- 0.9 * X[, j - 1] + sqrt(0.19) * rnorm(n)
    at <- sample(30, 1)
    k <- sample(3, 1, prob = w)
    b <- sqrt(0.05) * rnorm(1) * shapes[[k]]
    fit <- finemap(finemap_data(X, X[, at] %o% b + matrix(rnorm(3 * n), n)), list(U = U, w = w),
                   V = diag(3), effect_model = "EE", standardize = FALSE, n_threads = 1)
    do.call(rbind, lapply(fit$sets, \(set) {
      toward <- sign(fit$lead_ld[at, names(fit$sets)[1]])
      right <- at %in% set$variables & b != 0 & sign(b) * toward == set$sign
      data.frame(promised = unname(set$lfsr), wrong = !right, region = i)
    }))
  })
  found <- do.call(rbind, found)
  expect_gt(nrow(found), 100)
  excess <- tapply(found$wrong - found$promised, found$region, sum)
  expect_lt(abs(sum(excess)), 3.5 * sqrt(sum(excess^2)))
  called <- found$promised < 0.1
  expect_gt(sum(called), 60)
  expect_lt(mean(found$wrong[called]), 0.1)
})
