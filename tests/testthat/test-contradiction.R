# Statistics and LD that cannot be of the same data. The long form, with rates, is
# bench/contradictions.R.

# Genotypes whose haplotypes are mosaics of a few founders: variants near one another are alike.
mosaic <- function(n, p, founders) {
  haplotypes <- function() {
    from <- matrix(sample(nrow(founders), n, TRUE), n, p)
    for (j in seq_len(p)[-1L]) {
      new <- runif(n) < 0.02
      from[, j] <- ifelse(new, sample(nrow(founders), n, TRUE), from[, j - 1L])
    }
    matrix(founders[cbind(c(from), rep(seq_len(p), each = n))], n)
  }
  X <- haplotypes() + haplotypes()
  colnames(X) <- paste0("v", seq_len(p))
  X
}
# Of founders, neighbours share most of their alleles.
founders <- function(p, size = 12) {
  H <- matrix(rbinom(size * p, 1, 0.4), size)
  for (j in seq_len(p)[-1L]) {
    same <- runif(size) < 0.95
    H[same, j] <- H[same, j - 1L]
  }
  H
}

statistics <- function(X, Y) {
  r <- cor(X, Y)
  list(Z = r * sqrt((nrow(X) - 2) / (1 - r^2)), LD = cor(X), n = nrow(X), V = cor(Y))
}
study <- function(seed, n = 800, p = 120, R = 1, share = 0.1, causal = 2) {
  set.seed(seed)
  pool <- founders(p)
  X <- mosaic(n, p, pool)
  X <- X[, apply(X, 2L, var) > 0]
  Y <- matrix(rnorm(n * R), n)
  if (causal) {
    g <- scale(X)[, sample(ncol(X), causal), drop = FALSE] %*% matrix(rnorm(causal * R), causal)
    Y <- g * sqrt(share / max(apply(g, 2L, var))) + Y * sqrt(1 - share)
  }
  colnames(Y) <- if (R > 1L) paste0("c", seq_len(R))
  c(statistics(X, Y), list(X = X, Y = Y, pool = pool))
}
fit_of <- function(s, prior = 1, ...) {
  finemap(finemap_sumstats(s$Z, s$LD, s$n, check = FALSE), prior, V = s$V, n_threads = 1, ...)
}
caught <- function(expr) tryCatch(expr, mnmash_error_contradiction = identity)

test_that("data of the same samples are no contradiction", {
  two <- list(U = list(matrix(1, 2, 2), diag(2)), w = c(0.5, 0.5))
  for (seed in 1:24) {
    at <- 1L + seed %% 3
    s <- study(
      seed, n = c(200, 800, 3000)[at], share = c(0.02, 0.2, 0.6)[at], causal = seed %% 5,
      R = 1 + seed %% 2
    )
    fit <- fit_of(s, if (seed %% 2) two else 1)
    expect_null(fit$check$cause)
    expect_true(all(fit$check$explained < 1))
    expect_lt(fit$check$bound[["bound"]], fit$check$bound[["largest"]])
    # With too few effects, what they leave is no contradiction either.
    expect_null(fit_of(s, if (seed %% 2) two else 1, L = 1)$check$cause)
    if (seed %% 2 == 0) {
      expect_null(mr_ash_rss(Z = s$Z, LD = s$LD, n = s$n, n_threads = 1)$check$cause)
    }
  }
})

test_that("a swapped allele is found by every entry, and named with its remedy", {
  s <- study(4, R = 2, share = 0.2)
  lead <- which.max(rowSums(s$Z^2))
  alike <- abs(s$LD[, lead])
  k <- which.max(ifelse(alike < 0.99, alike, 0))
  expect_gt(alike[k], 0.7)
  bad <- s
  bad$Z[k, ] <- -bad$Z[k, ]
  two <- list(U = list(a = matrix(1, 2, 2), b = diag(2)), w = c(0.5, 0.5))
  prior <- as_prior(two)
  one <- bad
  one$Z <- bad$Z[, 1, drop = FALSE]
  one$V <- 1
  se <- 1 / sqrt(s$n) / apply(s$X, 2L, sd)
  XtX <- crossprod(scale(s$X, scale = FALSE))
  d <- sqrt(diag(XtX))
  r <- one$Z / sqrt(one$Z^2 + s$n - 2)
  entries <- list(
    z = \(...) fit_of(bad, two, ...),
    Bhat = \(...) finemap(
      finemap_sumstats(Bhat = one$Z * se, Shat = matrix(se), LD = s$LD, n = s$n), 1, ...
    ),
    products = \(...) finemap(
      finemap_suffstat(XtX, d * r * sqrt(s$n - 1), matrix(s$n - 1), n = s$n), 1, ...
    ),
    ash = \(...) mr_ash_rss(Z = one$Z, LD = s$LD, n = s$n, ...),
    mash = \(...) mr_mash_rss(
      Z = bad$Z, LD = s$LD, n = s$n, V = s$V, prior = two$U, grid = c(0.05, 0.2), ...
    ),
    deconvolve = \(...) deconvolve_rss(Z = bad$Z, LD = s$LD, n = s$n, ...),
    enrich = \(...) enrich(
      list(good = finemap_sumstats(s$Z[, 1], s$LD, s$n), bad = finemap_sumstats(one$Z, s$LD, s$n)),
      cbind(near = seq_len(2 * nrow(s$Z)) %% 3 == 0), method = "multi", prior = 1, ...
    )
  )
  for (entry in names(entries)) {
    e <- caught(entries[[entry]]())
    expect_s3_class(e, "mnmash_error_contradiction")
    text <- conditionMessage(e)
    expect_match(text, "alleles that are swapped", info = entry)
    expect_match(text, "qc_sumstats", info = entry)
    expect_match(text, "warn", info = entry)
    expect_true(rownames(s$Z)[k] %in% e$check$pairs$predictor[1:10], info = entry)
    warned <- 0
    fit <- withCallingHandlers(entries[[entry]](contradiction = "warn"), warning = \(w) {
      warned <<- warned + inherits(w, "mnmash_warning_contradiction")
      tryInvokeRestart("muffleWarning")
    })
    expect_gt(warned, 0)
    if (!is.null(fit$check)) expect_identical(fit$check$cause, "alleles")
  }
  expect_match(conditionMessage(caught(entries$enrich())), "locus bad")
  expect_match(conditionMessage(caught(entries$deconvolve())), "condition 1")
})

test_that("each cause has its name", {
  right <- c(one = 0, all = 0)
  for (seed in 1:8) {
    s <- study(seed + 20, share = 0.3, n = 1500)
    # Alleles coded at random, so that correlations have both signs.
    sign <- sample(c(-1, 1), nrow(s$Z), TRUE)
    s$Z <- s$Z * sign
    s$LD <- s$LD * outer(sign, sign)
    set.seed(seed + 100)
    # Another population has some of the founders only.
    other <- mosaic(1500, ncol(s$pool), s$pool[1:5, ])
    other_LD <- suppressWarnings(cor(other))[rownames(s$LD), rownames(s$LD)]
    other_LD[is.na(other_LD)] <- 0
    diag(other_LD) <- 1
    se <- 1 / sqrt(s$n) / apply(s$X, 2L, sd)
    with_se <- \(Bhat, Shat) finemap(
      finemap_sumstats(Bhat = Bhat, Shat = Shat, LD = s$LD, n = s$n, check = FALSE), 1
    )
    tries <- list(
      squared = \() fit_of(replace(s, "LD", list(s$LD^2))),
      unsigned = \() fit_of(replace(s, "Z", list(abs(s$Z)))),
      population = \() fit_of(replace(s, "LD", list(other_LD * outer(sign, sign)))),
      variances = \() with_se(s$Z * se, matrix(se^2))
    )
    for (cause in names(tries)) {
      e <- suppressWarnings(caught(tries[[cause]]()))
      right["all"] <- right["all"] + 1
      right["one"] <- right["one"] + identical(e$check$cause, cause)
    }
  }
  expect_gt(right[["one"]], 0.9 * right[["all"]])
  # p-values of many variants.
  s <- study(50, p = 400, causal = 0)
  s$Z <- 2 * pnorm(-abs(s$Z))
  expect_identical(caught(fit_of(s))$check$cause, "p_values")
})

test_that("a swapped allele is told from other people, in a few of many variants too", {
  for (seed in 1:3) {
    s <- study(seed + 40, p = 400, share = 0.3, n = 1500)
    lead <- which.max(abs(s$Z))
    alike <- abs(s$LD[, lead])
    k <- which.max(ifelse(alike < 0.99, alike, 0))
    Z <- s$Z
    Z[k] <- -Z[k]
    expect_identical(caught(fit_of(replace(s, "Z", list(Z))))$check$cause, "alleles")
    # z-scores of relatives of the people, not of them.
    people <- mosaic(1500, ncol(s$pool), s$pool[1:4, ])[, rownames(s$Z)]
    other <- suppressWarnings(statistics(people, s$Y))
    LD <- replace(other$LD, is.na(other$LD), 0)
    diag(LD) <- 1
    expect_identical(caught(fit_of(replace(s, "LD", list(LD))))$check$cause, "population")
  }
})

test_that("z-scores of too little noise are found: variances of large standard errors, p-values", {
  found <- c(variances = 0, p_values = 0)
  for (seed in 1:10) {
    s <- study(seed + 70, p = 150, causal = seed %% 3)
    se <- matrix(20 / apply(s$X, 2L, sd))
    large <- \(Shat) finemap(
      finemap_sumstats(Bhat = s$Z * se, Shat = Shat, LD = s$LD, n = s$n, check = FALSE), 1
    )
    expect_null(large(se)$check$cause)
    tries <- list(
      variances = \() large(se^2),
      p_values = \() fit_of(replace(s, "Z", list(2 * pnorm(-abs(s$Z)))))
    )
    for (cause in names(tries)) {
      found[cause] <- found[cause] + identical(caught(tries[[cause]]())$check$cause, cause)
    }
  }
  expect_true(all(found >= 9))
})

test_that("of independent z-scores the probability of little noise is that of chi-squared", {
  spread <- function(z) {
    of <- data_of(z, diag(length(z)))
    spread_of(of)[["p"]]
  }
  data_of <- \(z, LD) list(Z = matrix(z), LD = LD, V = 1)
  spread_of <- mnmash:::spread_of
  z <- c(-1, 1) * seq(0.02, 0.2, length.out = 30)
  expect_equal(spread(z), 2 * min(
    pchisq(sum(z^2), 30),
    pbinom(14, 30, 2 * pnorm(sort(abs(z))[15]) - 1, lower.tail = FALSE)
  ))
  # Between zero and one: no more probable than the bound says, which is above the truth.
  inside <- spread(rep(0.9, 20))
  expect_lt(pnorm(1) - pnorm(0), exp(-log(2 * pi) / 2))
  expect_equal(inside, exp(-20 * log(2 * pi) / 2))
  # Two that say the same count once; noise as it should be is no alarm, and 2 % are below 0.02.
  same <- diag(3)
  same[1, 2] <- same[2, 1] <- 1
  expect_equal(
    spread_of(data_of(c(0.1, 0.1, -0.3), same))[["p"]], spread(c(0.1, -0.3))
  )
  set.seed(5)
  expect_lt(mean(replicate(1000, spread(rnorm(40))) < 0.02), 0.03)
})

test_that("a panel of other people widens what is allowed", {
  s <- study(7, share = 0.3)
  LD <- suppressWarnings(cor(mosaic(300, ncol(s$pool), s$pool)))[rownames(s$LD), rownames(s$LD)]
  LD[is.na(LD)] <- 0
  diag(LD) <- 1
  fit <- \(people) suppressWarnings(finemap(
    finemap_sumstats(s$Z, LD, s$n, check = FALSE, LD_samples = people), 1, contradiction = "warn",
    estimate_V = "none"
  ))
  narrow <- fit(NULL)$check$pairs
  wide <- fit(300)$check$pairs
  both <- intersect(narrow$predictor, wide$predictor)
  at <- \(pairs) pairs$statistic[match(both, pairs$predictor)]
  expect_gt(length(both), 3)
  expect_true(all(at(wide) < at(narrow)))
  expect_error(finemap_sumstats(s$Z, s$LD, s$n, LD_samples = 1), class = "mnmash_error")
})

test_that("a fit ends with the sweep that explains too much", {
  s <- study(9, share = 0.3, n = 3000)
  k <- which(abs(s$Z) > 4)
  s$Z[k[seq(1, length(k), 3)]] <- -s$Z[k[seq(1, length(k), 3)]]
  fit <- suppressWarnings(fit_of(s, contradiction = "warn"))
  expect_identical(fit$convergence$stop, "contradicted")
  expect_lt(fit$n_iter, 100)
  expect_gt(max(fit$check$explained), 1)
  expect_length(pip(fit), nrow(s$Z))
  expect_error(fit_of(s, contradiction = "maybe"), class = "mnmash_error")
})

test_that("with LD of other people the residual variance is held, and fits are no contradiction", {
  errors <- sapply(1:6, \(seed) {
    s <- study(seed, n = 300, p = 150, R = 1 + seed %% 2, share = 0.6, causal = 8)
    panel <- mosaic(500, ncol(s$pool), s$pool)[, colnames(s$X)]
    keep <- apply(panel, 2L, var) > 0
    of <- list(Z = s$Z[keep, , drop = FALSE], LD = cor(panel[, keep]), n = s$n, LD_samples = 500)
    X <- scale(s$X[, keep])
    one <- ncol(s$Y) == 1L
    U <- list(diag(2), matrix(1, 2, 2))
    own <- if (one) mr_ash(X, scale(s$Y))$beta else mr_mash(X, scale(s$Y), U, grid = 0.1)$mu1
    further <- if (!one) list(prior = U, grid = 0.1, V = s$V)
    error <- \(...) {
      fit <- suppressWarnings(do.call(if (one) mr_ash_rss else mr_mash_rss, c(of, further, ...)))
      if (!length(list(...))) {
        expect_null(fit$check$cause)
        if (one) expect_equal(fit$sigma2, 1) else expect_equal(unname(fit$V), unname(s$V))
      }
      found <- if (one) fit$beta else fit$mu1
      sum((X %*% (found - own))^2) / sum((X %*% own)^2)
    }
    asked <- stats::setNames(list(TRUE, "warn"), c(if (one) "update_sigma2" else "update_V",
                                                   "contradiction"))
    c(held = error(), estimated = error(asked))
  })
  expect_lt(mean(errors["held", ]), 0.5 * mean(errors["estimated", ]))
  # Of more people than the panel has, the variance is larger by what the panel gets wrong.
  s <- study(3, n = 800, R = 2, share = 0.3)
  q <- max(s$Z^2 / (s$Z^2 + 798))
  of <- list(Z = s$Z, LD = s$LD, n = 800, LD_samples = 200)
  found <- suppressWarnings(do.call(deconvolve_rss, of))
  expect_equal(unname(found$sigma2), rep(1 + 3 * q, 2))
  expect_lt(max(do.call(deconvolve_rss, of[1:3])$sigma2), 1.01)
  fit <- suppressWarnings(do.call(mr_mash_rss, c(of, list(
    covY = s$V, prior = list(diag(2)), grid = 0.1
  ))))
  expect_equal(unname(fit$V), unname(s$V) * (1 + 3 * q))
})
