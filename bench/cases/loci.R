# Fine-mapping, association models of a variant, factored regression.

finemap_problem <- function(n, p, R, K) {
  w <- finemap_workload(n, p, R)
  U <- lapply(seq_len(K), \(k) stats::cov2cor(tcrossprod(matrix(rnorm(R * R), R))))
  w$U <- U
  w$data <- finemap_data(w$X, w$Y)
  w$V <- cov(w$Y)
  w
}
peer_finemap <- function(d) {
  prior <- mvsusieR::create_mixture_prior(
    list(matrices = d$U, weights = rep(1 / length(d$U), length(d$U))), null_weight = 0
  )
  mvsusieR::mvsusie(
    d$X, d$Y, L = 5, prior_variance = prior, residual_variance = d$V, tol = 1e-3, max_iter = 100,
    verbosity = 0, n_thread = 1
  )
}
add_finemap <- function(name, what, n, p, R, K, compat, check) {
  add_case(
    name, sprintf("n %d, p %d, %d conditions, %d matrices, 5 effects, %s", n, p, R, K, what),
    data = \() finemap_problem(n, p, R, K),
    ours = \(d) finemap(
      d$data, list(U = d$U, w = rep(1 / K, K)), L = 5, V = d$V, tol = 1e-3, compat = compat,
      scale = if (is.null(compat)) "optim" else "em"
    ),
    value = \(fit) list(fit$alpha, fit$pip, fit$coef, fit$elbo), package = "mvsusieR",
    peer = peer_finemap,
    keep = \(fit) list(alpha = fit$alpha, pip = fit$pip, elbo = utils::tail(fit$elbo, 1)),
    check = check
  )
}
add_finemap(
  "finemap-same-steps", "its updates", 600, 400, 6, 10, "mvsusieR",
  \(fit, theirs, d) if (!is.null(theirs)) list(
    expect("places", apart(fit$alpha, theirs$alpha), 1e-6),
    expect("bound, relative", abs(utils::tail(fit$elbo, 1) / theirs$elbo - 1), 1e-9)
  )
)
add_finemap(
  "finemap", "own updates", 600, 400, 6, 10, NULL,
  \(fit, theirs, d) c(
    list(expect("fall of the bound", max(-diff(fit$elbo)), 1e-6)),
    if (!is.null(theirs)) {
      list(expect("bound below its own", theirs$elbo - utils::tail(fit$elbo, 1), 1e-2))
    }
  )
)
add_case(
  "finemap-1", "n 1000, p 2000, one condition, 10 effects, given variances",
  data = function() {
    w <- finemap_workload(1000, 2000, 1)
    w$data <- finemap_data(w$X, w$Y)
    w$s2 <- drop(var(w$Y))
    w
  },
  ours = \(d) finemap(
    d$data, 0.1 * d$s2, L = 10, V = matrix(d$s2), scale = "fixed", effect_model = "EE",
    tol = 1e-6, max_iter = 500
  ),
  value = \(fit) list(fit$alpha, fit$pip, fit$coef, fit$elbo), package = "susieR",
  peer = \(d) susieR::susie(
    d$X, drop(d$Y), L = 10, scaled_prior_variance = 0.1, residual_variance = d$s2,
    estimate_residual_variance = FALSE, estimate_prior_variance = FALSE, tol = 1e-6,
    max_iter = 500
  ),
  keep = \(fit) list(pip = fit$pip, elbo = utils::tail(fit$elbo, 1)),
  check = \(fit, theirs, d) if (!is.null(theirs)) list(
    expect("inclusion probabilities", apart(fit$pip, theirs$pip), 1e-3),
    expect("bound below its own", theirs$elbo - utils::tail(fit$elbo, 1), 1e-3)
  )
)

add_case(
  "bmass", "5000 variants, 4 traits, 81 models, 14 scales",
  data = function() {
    w <- mash_workload(5000, 4, "EZ")
    list(Z = w$Bhat / w$Shat, V = w$V, n = rep(20000, 5000), maf = runif(5000, 0.05, 0.5))
  },
  ours = \(d) bmass(d$Z, d$n, V = d$V, maf = d$maf),
  value = \(fit) list(fit$log10_bf, fit$posterior), package = "bmass",
  peer = \(d) bmass:::compute.allBFs.fromZscores(
    d$Z, d$V, d$n, d$maf, c(0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08,
                            0.09, 0.1, 0.15)
  ),
  # Models with a prior of zero are not in ours.
  keep = function(fit) {
    large <- Reduce(pmax, fit$lbf)
    mean <- large + log10(Reduce(`+`, lapply(fit$lbf, \(x) 10^(x - large))) / length(fit$lbf))
    names <- apply(fit$gamma, 1, \(g) paste(c("U", "D", "I")[g + 1], collapse = ""))
    rownames(mean) <- names
    mean
  },
  check = \(fit, theirs, d) if (!is.null(theirs)) list(
    expect("log10 Bayes factors", apart(fit$log10_bf, theirs[rownames(fit$models), ]), 1e-8)
  )
)

# Two factors in 16 tissues, 60 % of the cells missing. The peer is stochastic and its answers are
# not exact posteriors: what must agree is how well the true effects are predicted.
fqtl_problem <- function(n = 450, p = 500, m = 16) {
  w <- regression_workload(n, p, m, K = 1)
  causal <- sample(p, 2)
  tissues <- split(sample(m, 12), rep(1:2, 6))
  eta <- matrix(0, n, m)
  for (k in 1:2) eta[, tissues[[k]]] <- scale(w$X[, causal[k]]) %o% sample(c(-1, 1), 6, TRUE)
  Y <- eta + 2 * matrix(rnorm(n * m), n)
  Y[matrix(runif(n * m) < 0.6, n)] <- NA
  list(X = w$X, Y = scale(Y), eta = eta, tissues = unlist(tissues))
}
prediction <- \(d, B) mean(vapply(d$tissues, \(t) {
  predicted <- d$X %*% B[, t]
  if (sd(predicted) == 0) 0 else cor(predicted, d$eta[, t])^2
}, 0))
add_case(
  "fqtl", "n 450, p 500, 16 tissues, 5 factors, 60 % missing", fqtl_problem,
  # With the peer's prior.
  ours = \(d) fqtl(d$Y, d$X, K = 5, u_prior = "spike_slab"),
  value = \(fit) list(fit$B, fit$elbo), package = "fqtl",
  peer = \(d) fqtl::fit.fqtl(
    d$Y, d$X, factored = TRUE, svd.init = TRUE, k = 5, options = list(
      vbiter = 1500, gammax = 1e4, pi.ub = 0, pi.lb = -4, tol = 1e-6, rate = 0.01, decay = -0.1,
      jitter = 0.1, verbose = FALSE, out.residual = FALSE
    )
  ),
  keep = \(fit) fit$mean.left$theta %*% t(fit$mean.right$theta),
  check = \(fit, theirs, d) c(
    list(expect("1 - r2 of the true effects", 1 - prediction(d, fit$B), 0.1)),
    if (!is.null(theirs)) list(
      expect("r2 below its own", prediction(d, theirs) - prediction(d, fit$B), 0.01)
    )
  )
)
