# Prior covariances by ud_fit(): penalties, numbers of components, steps.
# Run with the package installed:  Rscript bench/ud.R rank1 1,2   (or: full, race)
library(mnmash)
options(mnmash.threads = 1)

cpu <- function(work) {
  start <- proc.time()
  value <- force(work)
  c(list(value = value), seconds = sum((proc.time() - start)[1:2]))
}

# n units in R conditions, z-scores; K true covariances, of rank one or full, of various sizes.
simulate_units <- function(n, R, U) {
  k <- sample(length(U), n, TRUE)
  roots <- lapply(U, \(u) {
    e <- eigen(u, symmetric = TRUE)
    e$vectors %*% diag(sqrt(pmax(e$values, 0)))
  })
  B <- t(vapply(k, \(i) drop(roots[[i]] %*% rnorm(R)), numeric(R)))
  list(B = B, X = B + rnorm(n * R))
}

true_covariances <- function(kind, R, K) {
  lapply(seq_len(K), \(k) {
    if (kind == "rank1") return(tcrossprod(rnorm(R)))
    rWishart(1, R + 2, diag(R) / R)[, , 1L] * sample(c(0.5, 2, 5), 1L)
  })
}

# Share of wrong signs among effects with lfsr below a bound.
false_signs <- function(m, B, bound = 0.05) {
  called <- get_lfsr(m) <= bound
  c(
    rate = mean(sign(get_pm(m))[called] != sign(B)[called]), called = mean(called)
  )
}

compare <- function(kind, seed, R = 50, K = 10, n = 1000, n_test = 10000, sizes = c(8, 32, 128)) {
  set.seed(seed)
  U <- true_covariances(kind, R, K)
  names(U) <- paste0("true", seq_len(K))
  train <- simulate_units(n, R, U)
  test <- simulate_units(n_test, R, U)
  d_train <- mash_set_data(train$X)
  d_test <- mash_set_data(test$X)
  oracle <- list(pi = rep(1 / K, K), Ulist = U, grid = 1, usepointmass = FALSE)
  report <- function(label, g, seconds = NA, iterations = NA, message = "") {
    m <- mash(d_train, g = g, fixg = TRUE, verbose = FALSE)
    fs <- false_signs(m, train$B)
    cat(sprintf(
      "%s seed %d %-14s test loglik %.1f  false signs %.4f of %.3f called  cpu %.1f s, %s its %s\n",
      kind, seed, label, mash_compute_loglik(g, d_test), fs[["rate"]], fs[["called"]], seconds,
      iterations, message
    ))
  }
  report("oracle", oracle)
  for (K_init in sizes) {
    for (penalty in c("iw", "none")) {
      for (update in c("ted", "ed")) {
        run <- cpu(ud_fit(
          d_train, K = K_init, penalty = penalty, update = update, seed = seed,
          max_iter = 300
        ))
        fit <- run$value
        g <- list(pi = unname(fit$w), Ulist = fit$U, grid = 1, usepointmass = FALSE)
        report(
          paste(update, penalty, K_init), g, run$seconds, fit$n_iter,
          if (fit$converged) "" else "(not converged)"
        )
      }
    }
  }
}

# The closed-form steps against extreme deconvolution, from the same start, for differing noise.
race <- function(seed, J = 1000, R = 10, K = 6) {
  set.seed(seed)
  U <- lapply(seq_len(K), \(k) tcrossprod(matrix(rnorm(R * 3), R)) * runif(1, 0.3, 3))
  units <- simulate_units(J, R, U)
  S <- matrix(exp(rnorm(J * R, 0, 0.4)), J)
  data <- mash_set_data(units$B + S * rnorm(J * R), S)
  start <- lapply(seq_len(K), \(k) rWishart(1, R + 2, diag(R) / R)[, , 1L])
  names(start) <- paste0("U", seq_len(K))
  for (update in c("ed", "gted")) {
    run <- cpu(ud_fit(
      data, Ulist = start, update = update, penalty = "none", warmup = 20, max_iter = 5000
    ))
    fit <- run$value
    cat(
      "seed", seed, update, fit$n_iter, "iterations,", fit$n_rejected, "taken back, loglik",
      fit$loglik[length(fit$loglik)], "cpu", round(run$seconds, 2), "s\n"
    )
  }
}

arguments <- commandArgs(TRUE)
kind <- if (length(arguments)) arguments[1L] else "rank1"
seeds <- if (length(arguments) > 1L) as.integer(strsplit(arguments[2L], ",")[[1L]]) else 1
for (seed in seeds) {
  switch(kind, race = race(seed), compare(kind, seed))
}
