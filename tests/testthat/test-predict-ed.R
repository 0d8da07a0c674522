# Responsibilities and posterior moments under a mixture of normals with means, by plain algebra.
slow_prediction <- function(fit, x, s, V) {
  K <- length(fit$U)
  means <- if (is.null(fit$means)) matrix(0, K, ncol(x)) else fit$means
  one <- function(j) {
    o <- which(!is.na(x[j, ]))
    N <- (s[j, ] %o% s[j, ] * V)[o, o, drop = FALSE]
    parts <- lapply(seq_len(K), \(k) {
      T <- fit$U[[k]][o, o, drop = FALSE] + N
      gain <- fit$U[[k]][, o, drop = FALSE] %*% solve(T)
      away <- x[j, o] - means[k, o]
      list(
        log = log(fit$pi[k]) - 0.5 * (sum(away * solve(T, away)) + log(det(2 * pi * T))),
        mean = means[k, ] + drop(gain %*% away),
        var = diag(fit$U[[k]] - gain %*% fit$U[[k]][o, , drop = FALSE])
      )
    })
    log <- vapply(parts, `[[`, 0, "log")
    q <- exp(log - max(log)) / sum(exp(log - max(log)))
    mean <- Reduce(`+`, Map(\(p, q) q * p$mean, parts, q))
    square <- Reduce(`+`, Map(\(p, q) q * (p$var + p$mean^2), parts, q))
    loglik <- max(log) + log(sum(exp(log - max(log))))
    list(q = q, mean = mean, sd = sqrt(square - mean^2), loglik = loglik)
  }
  found <- lapply(seq_len(nrow(x)), one)
  lapply(c(q = "q", mean = "mean", sd = "sd", loglik = "loglik"), \(what) {
    drop(t(vapply(found, `[[`, found[[1]][[what]], what)))
  })
}

test_that("predictions of ed() are those of plain algebra, with means and missing cells", {
  set.seed(1)
  b <- rbind(matrix(rnorm(120), ncol = 3), matrix(rnorm(120, 3), ncol = 3))
  s <- matrix(runif(240, 0.3, 0.8), 80)
  x <- b + s * rnorm(240)
  colnames(x) <- c("a", "b", "c")
  x[cbind(1:30, rep(1:3, 10))] <- NA
  V <- 0.3 + diag(0.7, 3)
  fit <- ed(
    x, list(s = replace(s, is.na(x), NA), V = V), U = list(one = diag(3), two = diag(3)),
    means = rbind(0, c(2, 3, 2)), max_iter = 20
  )
  for (means in c(TRUE, FALSE)) {
    if (!means) fit["means"] <- list(NULL)
    found <- predict(fit, mash_set_data(x, replace(s, is.na(x), NA), V = V))
    right <- slow_prediction(fit, x, s, V)
    expect_equal(found$responsibilities, right$q, tolerance = 1e-9, ignore_attr = TRUE)
    expect_equal(found$PosteriorMean, right$mean, tolerance = 1e-8, ignore_attr = TRUE)
    expect_equal(found$PosteriorSD, right$sd, tolerance = 1e-7, ignore_attr = TRUE)
    expect_equal(found$vloglik, right$loglik, tolerance = 1e-9, ignore_attr = TRUE)
  }
  # By name: another order, and some of the conditions.
  part <- predict(fit, mash_set_data(x[50:60, c("c", "a")], s[50:60, c(3, 1)]))
  whole <- predict(fit, mash_set_data(x[50:60, c("a", "c")], s[50:60, c(1, 3)]))
  expect_equal(part$PosteriorMean[, c("a", "c")], whole$PosteriorMean)
  expect_error(predict(fit), "`newdata` is missing", class = "mnmash_error_argument")
})
