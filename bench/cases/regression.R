# Regressions of one or many responses on many predictors.

# The same prior for both: canonical and random matrices, scaled, and no effect.
regression_problem <- function(n, p, r, matrices, scales) {
  w <- regression_workload(n, p, r)
  U <- c(list(diag(r), matrix(1, r, r)), lapply(seq_len(matrices), \(k) {
    f <- matrix(rnorm(r * r), r)
    tcrossprod(f)
  }))[seq_len(matrices)]
  U <- lapply(U, \(u) u / max(diag(u)))
  names(U) <- paste0("U", seq_along(U))
  grid <- 0.05 * 2^(seq_len(scales) * 4 / scales)
  expanded <- c(
    list(matrix(0, r, r)), unlist(lapply(U, \(u) lapply(grid^2, \(g) g * u)), recursive = FALSE)
  )
  c(w, list(U = U, scales = grid, expanded = expanded))
}

# As many sweeps as told, weights and residual covariance updated after each: equal answers. `e` is
# what the peer adds to the diagonal of every prior matrix, since it cannot do without.
add_mr_mash <- function(r, n, p, matrices, scales, sweeps) {
  K <- matrices * scales + 1
  add_case(
    paste0("mr_mash-", r),
    sprintf("n %d, p %d, r %d, %d components, %d sweeps", n, p, r, K, sweeps),
    data = \() regression_problem(n, p, r, matrices, scales),
    ours = \(d) mr_mash(
      d$X, d$Y, d$U, grid = d$scales, w0 = rep(1 / K, K), V = cov(d$Y), w0_method = "em",
      tol = 0, tol_w0 = 0, max_iter = sweeps, covariance = "full"
    ),
    value = \(fit) list(fit$mu1, fit$S1, fit$w0, fit$V, fit$ELBO),
    package = "mr.mashr",
    peer = \(d) mr.mashr::mr.mash(
      d$X, d$Y, d$expanded, w0 = rep(1 / K, K), V = cov(d$Y), tol = 0, max_iter = sweeps,
      update_V = TRUE, verbose = FALSE, nthreads = 1L, e = 1e-12
    ),
    keep = \(fit) fit[c("mu1", "w0", "V", "ELBO")],
    check = \(fit, theirs, d) if (!is.null(theirs)) list(
      expect("coefficients", apart(fit$mu1, theirs$mu1), 1e-7),
      expect("weights", apart(fit$w0, theirs$w0), 1e-7),
      expect("residual covariance", apart(fit$V, theirs$V), 1e-7),
      # Its bound lacks half of log n.
      expect("bound", abs(fit$ELBO - theirs$ELBO - log(n) / 2), 1e-5)
    )
  )
}
add_mr_mash(5, 200, 500, 10, 10, 20)
add_mr_mash(10, 500, 300, 10, 6, 15)
add_mr_mash(20, 500, 200, 10, 6, 15)
add_mr_mash(44, 800, 150, 15, 20, 8)
add_case(
  "mr_mash-converged", "n 100, p 200, r 5, 61 components, to convergence",
  \() regression_problem(100, 200, 5, 10, 6),
  ours = \(d) mr_mash(d$X, d$Y, d$U, grid = d$scales, V = cov(d$Y), covariance = "none"),
  value = \(fit) list(fit$mu1, fit$w0, fit$V, fit$ELBO),
  package = "mr.mashr",
  peer = \(d) mr.mashr::mr.mash(
    d$X, d$Y, d$expanded, V = cov(d$Y), update_V = TRUE, verbose = FALSE, nthreads = 1L
  ),
  keep = \(fit) fit[c("mu1", "ELBO")],
  check = \(fit, theirs, d) c(
    list(expect("not converged", !fit$convergence$converged, 0)),
    if (!is.null(theirs)) {
      list(expect("bound below its own", theirs$ELBO + log(100) / 2 - fit$ELBO, 1e-2))
    }
  )
)

ash_problem <- function(n, p) {
  w <- regression_workload(n, p, 1)
  w$sa2 <- (2^((0:19) / 20) - 1)^2 * n / stats::median(colSums(w$X^2))
  w$y <- drop(w$Y)
  w
}
peer_ash <- \(d, ...) mr.ash.alpha::mr.ash(d$X, d$y, sa2 = d$sa2, standardize = FALSE, ...)
add_case(
  "mr_ash-sweeps", "n 500, p 5000, 20 components, 50 sweeps", \() ash_problem(500, 5000),
  ours = \(d) mr_ash(
    d$X, d$y, sa2 = d$sa2, method = "em", pi = rep(1 / 20, 20), prior = "uniform",
    sigma2 = var(d$y), tol = 0, max_iter = 50
  ),
  value = \(fit) list(fit$beta, fit$pi, fit$sigma2), package = "mr.ash.alpha",
  peer = \(d) peer_ash(
    d, pi = rep(1 / 20, 20), sigma2 = var(d$y), max.iter = 50, min.iter = 50,
    tol = list(convtol = 0, epstol = 1e-12)
  ),
  keep = \(fit) list(beta = drop(fit$beta), pi = fit$pi, sigma2 = fit$sigma2),
  check = \(fit, theirs, d) if (!is.null(theirs)) list(
    expect("coefficients", apart(fit$beta, theirs$beta), 1e-7),
    expect("weights", apart(fit$pi, theirs$pi), 1e-7),
    expect("residual variance", abs(fit$sigma2 - theirs$sigma2), 1e-7)
  )
)
add_case(
  "mr_ash-converged", "n 500, p 5000, 20 components, to convergence", \() ash_problem(500, 5000),
  ours = \(d) mr_ash(d$X, d$y, sa2 = d$sa2, tol = 1e-8),
  value = \(fit) list(fit$beta, fit$pi, fit$sigma2), package = "mr.ash.alpha",
  peer = \(d) peer_ash(d, tol = list(convtol = 1e-8, epstol = 1e-12), max.iter = 5000),
  keep = \(fit) list(beta = drop(fit$beta), pi = fit$pi, sigma2 = fit$sigma2),
  check = function(fit, theirs, d) {
    own <- list(expect("not converged", !fit$converged, 0))
    if (is.null(theirs)) {
      return(own)
    }
    # The bound at its answer, by one sweep from there that changes no weight.
    at <- suppressWarnings(mr_ash(
      d$X, d$y, sa2 = d$sa2, beta_init = theirs$beta, pi = theirs$pi, sigma2 = theirs$sigma2,
      update_pi = FALSE, update_sigma2 = FALSE, max_iter = 1, tol = 0
    ))
    c(own, list(expect("bound below that at its answer", at$elbo - fit$elbo, 1e-2)))
  }
)

add_varbvs <- function(family, n, p) {
  add_case(
    paste0("varbvs-", family), sprintf("n %d, p %d, 20 prior odds, %s", n, p, family),
    data = function() {
      w <- regression_workload(n, p, 1)
      y <- drop(w$Y)
      list(X = w$X, y = if (family == "gaussian") y else as.numeric(y > 0), sa = 0.1)
    },
    ours = \(d) varbvs(
      d$X, NULL, d$y, family, logodds = seq(-4, -1, length.out = 20), sa = d$sa,
      sigma = if (family == "gaussian") var(d$y), tol = 1e-8
    ),
    value = \(fit) list(fit$alpha, fit$mu, fit$weights), package = "varbvs",
    peer = function(d) {
      given <- if (family == "gaussian") list(sigma = var(d$y), update.sigma = FALSE)
      do.call(varbvs::varbvs, c(
        list(
          d$X, NULL, d$y, family, logodds = seq(-4, -1, length.out = 20), sa = d$sa,
          update.sa = FALSE, tol = 1e-6, verbose = FALSE
        ),
        given
      ))
    },
    keep = \(fit) list(alpha = fit$alpha, logw = fit$logw, pip = fit$pip),
    check = \(fit, theirs, d) if (!is.null(theirs)) list(
      expect("bounds below its own", max(diff_from(theirs$logw) - diff_from(fit$elbo)), 0.1),
      expect("inclusion probabilities, mean difference", mean(abs(fit$pip - theirs$pip)), 1e-3)
    )
  )
}
# Bounds up to the constant in which the two differ.
diff_from <- \(x) x - x[1L]
add_varbvs("gaussian", 500, 2000)
add_varbvs("binomial", 500, 500)

add_case(
  "univariate", "n 500, 1000 predictors, 10 responses", \() regression_workload(500, 1000, 10),
  ours = \(d) univariate_sumstats(d$X, d$Y), value = \(fit) fit[c("Bhat", "Shat")],
  package = "mr.mashr", peer = \(d) mr.mashr::compute_univariate_sumstats(d$X, d$Y),
  check = \(fit, theirs, d) if (!is.null(theirs)) list(
    expect("estimates, relative", relative(fit$Bhat, theirs$Bhat), 1e-9),
    expect("standard errors, relative", relative(fit$Shat, theirs$Shat), 1e-9)
  )
)
