# Covariances whose correlations are held back, against the same steps unit by unit.

by_units <- function(Bhat, Shat, V, U, pi, lambda, iterations) {
  for (iteration in seq_len(iterations)) {
    K <- length(U)
    log <- matrix(0, nrow(Bhat), K)
    second <- lapply(U, \(u) vector("list", nrow(Bhat)))
    for (j in seq_len(nrow(Bhat))) {
      seen <- which(!is.na(Bhat[j, ]))
      N <- outer(Shat[j, seen], Shat[j, seen]) * V[seen, seen]
      x <- Bhat[j, seen]
      for (k in seq_len(K)) {
        T <- U[[k]][seen, seen] + N
        gain <- U[[k]][, seen] %*% solve(T)
        mean <- gain %*% x
        second[[k]][[j]] <- tcrossprod(mean) + U[[k]] - gain %*% U[[k]][seen, ]
        log[j, k] <- log(pi[k]) - 0.5 * (determinant(T)$modulus + sum(x * solve(T, x)))
      }
    }
    q <- exp(log - apply(log, 1, max))
    q <- q / rowSums(q)
    pi <- colMeans(q)
    U <- lapply(seq_len(K), \(k) {
      M <- Reduce(`+`, Map(`*`, q[, k], second[[k]])) / sum(q[, k])
      held <- M * sum(q[, k]) / (sum(q[, k]) + lambda)
      diag(held) <- diag(M)
      held
    })
  }
  list(U = U, pi = pi)
}

test_that("correlations are held back, with any errors and missing cells", {
  set.seed(1)
  J <- 30
  Bhat <- matrix(rnorm(J * 3, sd = 2), J)
  Shat <- matrix(runif(J * 3, 0.5, 2), J)
  gone <- cbind(1:10, rep(1:3, 4)[1:10])
  Bhat[gone] <- Shat[gone] <- NA
  V <- 0.3 + diag(0.7, 3)
  data <- mash_set_data(Bhat, Shat, V = V)
  U <- list(diag(3) + 0.5, matrix(2, 3, 3) + diag(c(0.1, 1, 2)))
  steps <- \(n) mnmash:::call_core(
    "ud_shrunk",
    measurements = mnmash:::core_measurements(data), start = list(U = U, pi = c(0.3, 0.7)),
    control = list(lambda = 4, iterations = n)
  )
  want <- by_units(Bhat, Shat, V, U, c(0.3, 0.7), 4, 3)
  found <- steps(3)
  expect_equal(found$pi, want$pi, tolerance = 1e-8)
  expect_equal(found$U, want$U, tolerance = 1e-8)
  expect_equal(steps(0)$U, U)
})

test_that("a pattern's small variances stay small", {
  set.seed(2)
  sd <- c(4, 2, 1, 0.4, 0.1, 0)
  B <- rnorm(600) %o% sd * 0.8 + matrix(rnorm(3600), 600) * rep(0.6 * sd, each = 600)
  data <- mash_set_data(B + rnorm(3600))
  how <- mnmash:::learning_choices(K = 1, n_threads = 1)
  U <- mnmash:::penalised_covariances(data, how, 18)
  expect_named(U, c("ud_1", "shrunk_1"))
  expect_lt(max(abs(diag(U$shrunk_1) - sd^2)[3:6]), 0.2)
  # The unit of a condition does not matter.
  unit <- 10^(0:5)
  scaled <- mash_set_data(data$Bhat * rep(unit, each = 600), matrix(unit, 600, 6, byrow = TRUE))
  again <- mnmash:::penalised_covariances(scaled, how, 18)$shrunk_1 / outer(unit, unit)
  expect_equal(again, U$shrunk_1, tolerance = 0.05)
})
